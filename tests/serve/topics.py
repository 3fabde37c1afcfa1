"""Topics of the Kafka of the environment: what writes to them, and a schema of the registry."""

import json
import os
import subprocess
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def where(thing):
    return subprocess.run([ROOT / "scripts/where.sh", thing], capture_output=True, text=True, check=True).stdout.strip()


class Producer:
    """Kafka's own producer, which sends each line; it makes the topic, with the broker's number of partitions."""

    def __init__(self, topic, linger=5):
        command = ["java", "-Xmx512m", "-cp", f"{where('kafka')}/*", "org.apache.kafka.tools.ConsoleProducer"]
        command += ["--bootstrap-server", os.environ["KAFKA_BROKERS"], "--topic", topic, "--timeout", str(linger)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)

    def send(self, *messages):
        """Send messages, which are texts or become JSON."""
        lines = [message if isinstance(message, str) else json.dumps(message) for message in messages]
        self.process.stdin.write("".join(f"{line}\n" for line in lines))
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


def forget(topic, positions):
    """Have the broker drop all messages of the partitions that these positions name."""
    partitions = [{"topic": topic, "partition": int(place.split(":")[0]), "offset": -1} for place in positions.split(",")]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"partitions": partitions, "version": 1}, file)
        file.flush()
        command = ["java", "-cp", f"{where('kafka')}/*", "org.apache.kafka.tools.DeleteRecordsCommand", "--bootstrap-server", os.environ["KAFKA_BROKERS"]]
        subprocess.run([*command, "--offset-json-file", file.name], capture_output=True, check=True)


def server(script, action, directory):
    """Kill a server of the suite, or start it again."""
    environment = {name: value for name, value in os.environ.items() if name != "PG_CONFIG"}
    done = subprocess.run([ROOT / "scripts" / script, action, directory], capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{script} {action}: {done.stderr}")


def register(topic, schema):
    """Register a schema for the values of a topic; its number."""
    url = f"{os.environ['REGISTRY_URL']}/subjects/{topic}-value/versions"
    body = json.dumps({"schema": json.dumps(schema)}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)["id"]
