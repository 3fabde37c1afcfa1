#!/usr/bin/env -S python3 -B
"""A throwaway Apache Kafka: one KRaft node, broker and controller in one, listening on free ports of 127.0.0.1.

    eval "$(scripts/kafka/broker.py start DIR)"; kcat -b $KAFKA_BROKERS -L; scripts/kafka/broker.py stop DIR
    scripts/kafka/broker.py run -- cargo test

With --secure it listens on a second port too, by TLS with a certificate of its own making and only for the users `tally`,
who may do everything, and `guest`, who may nothing. The password of each is the name and "-secret"; both log in by
SCRAM-SHA-512 or PLAIN.
"""

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from process import ProcessService, where
from service import free_port, main

# Any 16 bytes in base64 will do for a cluster that nobody else joins.
CLUSTER_ID = "cGdfdGFsbHkgdGVzdHMuIQ"
USERS = ("tally", "guest")
# Settings that are lists.
ADDED = ("listeners", "advertised.listeners", "listener.security.protocol.map")


class Broker(ProcessService):
    """One Kafka server, from the jars that scripts/setup.sh downloads."""

    name = "the Kafka broker"
    state = (*ProcessService.state, "server.properties", "certificate.pem", "keystore.pem")

    def __init__(self, directory, options):
        super().__init__(directory, options)
        self.properties = self.directory / "server.properties"
        self.certificate = self.directory / "certificate.pem"
        self.secure = options.secure or self.certificate.exists()

    def command(self):
        if not self.properties.exists():
            self.format()
        return java("kafka.Kafka", self.properties)

    def is_ready(self, log):
        return b"Kafka Server started" in log

    def format(self):
        """Write the configuration and an empty log."""
        address, controller = f"127.0.0.1:{self.port()}", f"127.0.0.1:{free_port()}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{address},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{address}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": self.data,
            "num.partitions": "8",
            # Room for the tests' oversized messages.
            "message.max.bytes": str(32 << 20),
            # One node, and tests that should not wait for a group that nobody else joins.
            "offsets.topic.num.partitions": "1",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # Nor for the next look at what can be compacted.
            "log.cleaner.backoff.ms": "200",
        }
        users = []
        if self.secure:
            self.make_certificate()
            for name, value in self.secure_settings(address=f"127.0.0.1:{free_port()}").items():
                settings[name] = f"{settings[name]},{value}" if name in ADDED else value
            users = [["--add-scram", f"SCRAM-SHA-512=[name={user},password={user}-secret]"] for user in USERS]
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        part = self.properties.with_suffix(".part")
        part.write_text(text)
        with open(self.log, "ab") as log:
            storage = java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", part, *sum(users, []))
            if subprocess.run(storage, stdout=log, stderr=log, check=False).returncode:
                raise self.failure("its storage cannot be formatted")
        part.rename(self.properties)

    def secure_settings(self, address):
        """What the second listener adds; who comes by the first one may do everything."""
        plain = " ".join(f'user_{user}="{user}-secret"' for user in USERS)
        listener, login = "listener.name.sasl_ssl", "org.apache.kafka.common.security"
        return {
            "listeners": f"SASL_SSL://{address}",
            "advertised.listeners": f"SASL_SSL://{address}",
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
            f"{listener}.scram-sha-512.sasl.jaas.config": f"{login}.scram.ScramLoginModule required;",
            f"{listener}.plain.sasl.jaas.config": f"{login}.plain.PlainLoginModule required {plain};",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.directory / "keystore.pem",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:tally",
        }

    def make_certificate(self):
        """A certificate that vouches for itself, and the store that Kafka wants it in, with its key."""
        key, store = self.directory / "key.pem", self.directory / "keystore.pem"
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Kafka"]
        request += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate]
        subprocess.run(request, check=True, capture_output=True)
        store.write_text(key.read_text() + self.certificate.read_text())
        key.unlink()

    def environment(self):
        environment = {"KAFKA_BROKERS": f"127.0.0.1:{self.port()}", "KAFKA_DIRECTORY": str(self.directory)}
        if self.secure:
            listeners = re.search("^listeners=.*SASL_SSL://(.*)$", self.properties.read_text(), re.MULTILINE)
            environment |= {"KAFKA_SECURE_BROKERS": listeners[1], "KAFKA_CERTIFICATE": str(self.certificate)}
        return environment


def java(*arguments):
    """A command line over Kafka's jars."""
    return ["java", "-Xmx1g", "-cp", f"{where('kafka')}/*", *map(str, arguments)]


def add_options(parser):
    parser.add_argument("--secure", action="store_true", help="a second listener, by TLS and for known users only")


if __name__ == "__main__":
    main(Broker, add_options)
