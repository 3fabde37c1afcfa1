"""What the throwaway PostgreSQL cluster and the throwaway Kafka broker have in common.

A service keeps all of its state in one directory, so that whoever knows the directory can stop it, kill it and start
it again, and so that nothing stays behind.
"""

import argparse
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path


class ServiceError(Exception):
    """A failure the user can act on: shown as it is, without a traceback."""


class Service:
    """A server whose state is `state`, the names it uses in its directory; subclasses say how to run it."""

    name = "service"
    state = ("data", "log", "port")

    def __init__(self, directory):
        self.directory = Path(directory).absolute()
        self.data = self.directory / "data"
        self.log = self.directory / "log"

    def start(self):
        """Start, or start again after `kill`; return once clients are served."""
        raise NotImplementedError

    def stop(self):
        """Stop if running."""
        raise NotImplementedError

    def kill(self):
        """End every process of the service at once, as a crash would."""
        raise NotImplementedError

    def environment(self):
        """The variables by which clients find the running service."""
        raise NotImplementedError

    def remove(self):
        """Remove the state, and the directory if nothing else is in it."""
        for name in self.state:
            path = self.directory / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        if self.directory.is_dir() and not any(self.directory.iterdir()):
            self.directory.rmdir()

    def port(self):
        """The service's port, chosen once so that a restart keeps its address."""
        file = self.directory / "port"
        if not file.exists():
            file.write_text(f"{free_port()}\n")
        return int(file.read_text())

    def failure(self, what):
        """An error with the end of the service's log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return ServiceError("\n".join([f"{self.name}: {what}; its log ends with:", *lines[-15:]]))


def free_port():
    """A TCP port that nobody listens on, and that no outgoing connection can take before the service does."""
    try:
        end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        end = 32768
    while True:
        port = random.randrange(10000, max(end, 11000))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_for_end(processes, seconds=None):
    """Wait until processes that are not our children are gone, for this many seconds at most; return whether they are. One that nobody reaps counts as gone."""

    def lives(process):
        try:
            return Path(f"/proc/{process}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()[0] not in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return False

    until = time.monotonic() + (seconds or float("inf"))
    while any(lives(process) for process in processes):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def run(service, command):
    """Run a command beside the service and return its exit status; KEEP=1 leaves the service up."""
    child = None
    keep = False

    def interrupt(number, _frame):
        nonlocal keep
        keep = False
        if child is None:
            sys.exit(128 + number)
        # The command ends first, while its service still answers. Ctrl-C has reached it already, being in our group.
        if number == signal.SIGTERM:
            child.send_signal(number)

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
    try:
        service.start()
        try:
            child = subprocess.Popen(command, env={**os.environ, **service.environment()})
        except OSError as error:
            raise ServiceError(f"cannot run {command[0]}: {error.strerror}") from error
        keep = os.environ.get("KEEP", "0") not in ("", "0")
        status = child.wait()
        return 128 - status if status < 0 else status
    finally:
        if keep:
            print(f"{service.name} is still up; to end it: {sys.argv[0]} stop {service.directory}")
        else:
            service.stop()
            service.remove()


def main(make_service, add_options=lambda parser: None):
    """The command line: start, stop, kill and run."""
    parser = argparse.ArgumentParser(
        description=sys.modules["__main__"].__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    for action, text in (
        ("start", "start in DIR, or restart there, and print the environment for the shell's eval"),
        ("stop", "stop the service in DIR and remove its state"),
        ("kill", "kill -9 the service in DIR; `start` brings it back"),
        ("run", "start in a temporary directory, run a command, stop; KEEP=1 leaves it up"),
    ):
        sub = actions.add_parser(action, help=text)
        add_options(sub)
        if action == "run":
            sub.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
        else:
            sub.add_argument("directory", metavar="DIR")
    options = parser.parse_args()
    try:
        if options.action == "run":
            command = [word for i, word in enumerate(options.command) if (i, word) != (0, "--")]
            if not command:
                parser.error("run needs a command")
            sys.exit(run(make_service(tempfile.mkdtemp(prefix="pg_tally."), options), command))
        service = make_service(options.directory, options)
        if options.action == "start":
            service.directory.mkdir(parents=True, exist_ok=True)
            service.start()
            for name, value in service.environment().items():
                print(f"export {name}='{value}'")
        elif options.action == "kill":
            service.kill()
        else:
            service.stop()
            service.remove()
    except ServiceError as error:
        sys.exit(str(error))
