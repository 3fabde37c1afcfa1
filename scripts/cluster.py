#!/usr/bin/env -S python3 -B
"""A throwaway PostgreSQL cluster: Unix socket, a free port on 127.0.0.1, everybody trusted.

    eval "$(scripts/cluster.py start DIR)"; psql; scripts/cluster.py stop DIR
    scripts/cluster.py run --pg-config /path/to/pg_config -- psql
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from service import Service, ServiceError, main, wait_for_end

# Seconds that a fast shutdown may take.
PATIENCE = 60

SETTINGS = {
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
}


class Cluster(Service):
    """One PostgreSQL server. Started by root it runs as the user postgres, since it refuses to run as root."""

    name = "the PostgreSQL cluster"

    def __init__(self, directory, options):
        super().__init__(directory)
        self.pg_config = options.pg_config
        self.settings = {**SETTINGS, **dict(option.split("=", 1) for option in options.set)}

    def start(self):
        if self.postmaster():
            raise ServiceError(f"a cluster is already running in {self.directory}")
        if os.geteuid() == 0:
            try:
                shutil.chown(self.directory, "postgres", "postgres")
            except LookupError:
                raise ServiceError("there is no user postgres to run the server as; run scripts/setup.sh build") from None
        self.directory.chmod(0o755)
        if not (self.data / "PG_VERSION").exists():
            self.initialise()
        # After a kill: a killed postmaster that nobody has reaped yet would pass for the holder of these locks.
        wait_for_end(self.processes())
        for lock in [self.data / "postmaster.pid", *self.data.glob(".s.PGSQL.*")]:
            lock.unlink(missing_ok=True)
        for _ in range(5):
            if not self.as_owner("pg_ctl", "-s", "start", "-w", "-l", self.log, "-o", f"-p {self.port()}").returncode:
                return
            if "could not bind" not in self.log.read_text(errors="replace"):
                break
            # Somebody was faster; the next attempt takes another port.
            (self.directory / "port").unlink()
        raise self.failure("cannot be started")

    def initialise(self):
        """Make an empty cluster; locale and encoding are fixed so that results are the same everywhere."""
        done = self.as_owner("initdb", "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
        if done.returncode:
            raise ServiceError(f"initdb: {done.stderr.strip()}")
        settings = {**self.settings, "unix_socket_directories": self.data, "listen_addresses": "127.0.0.1"}
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def stop(self):
        postmaster = self.postmaster()
        if postmaster:
            # A fast shutdown: sessions are ended.
            os.kill(postmaster, signal.SIGINT)
            # A server that has just begun to recover from a crash may never heed it.
            if not wait_for_end([postmaster], PATIENCE):
                os.kill(postmaster, signal.SIGQUIT)
                wait_for_end([postmaster])

    def kill(self):
        postmaster = self.postmaster()
        if postmaster is None:
            raise ServiceError(f"no cluster is running in {self.directory}")
        # The postmaster first: it answers the death of another process by ending all the others, and starts new ones.
        os.kill(postmaster, signal.SIGKILL)
        processes = self.processes()
        for process in processes:
            # Those that see that the postmaster is gone end by themselves.
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        wait_for_end([postmaster, *processes])

    def environment(self):
        return {
            "PGHOST": str(self.data),
            "PGPORT": str(self.port()),
            "PGUSER": "postgres",
            "PGDATABASE": "postgres",
            "DATABASE_URL": f"postgres://postgres@127.0.0.1:{self.port()}/postgres",
            "PATH": f"{self.bin()}:{os.environ['PATH']}",
        }

    def postmaster(self):
        """The process id of the running server; a stale file may name a process that is something else by now."""
        try:
            process = int((self.data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return None
        return process if process in self.processes() else None

    def processes(self):
        """All processes of the cluster: each works in the data directory."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(entry / "cwd") == str(self.data):
                    found.append(int(entry.name))
            except OSError:
                # Gone meanwhile, or another user's.
                continue
        return found

    def bin(self):
        """Where the server's programs are."""
        return pg_config(self.pg_config, "--bindir")

    def as_owner(self, program, *arguments):
        """Run one of the server's programs on the data directory as the user who owns it."""
        become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        # The programs would take settings of the caller's own PostgreSQL from the environment.
        environment = {name: value for name, value in os.environ.items() if not re.match("PG[A-Z]+$|RUST_", name)}
        # Backtraces are never for clients: tests would show those that are.
        environment["RUST_BACKTRACE"] = "full"
        return subprocess.run(
            [*become, f"{self.bin()}/{program}", "-D", self.data, *arguments],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


def pg_config(path, question):
    """What pg_config answers."""
    try:
        return subprocess.run([path, question], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        raise ServiceError(f"{path} is not a pg_config; set PG_CONFIG to PostgreSQL's, or run scripts/setup.sh build") from None


def add_options(parser):
    parser.add_argument("--pg-config", default=os.environ.get("PG_CONFIG", "pg_config"), metavar="PATH")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a server setting")


if __name__ == "__main__":
    main(Cluster, add_options)
