"""Servers that are one process each."""

import os
import signal
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

from service import Service, ServiceError, wait_for_end

START_SECONDS = 180


def where(thing):
    """What scripts/setup.sh downloaded; complains if it has not."""
    place = subprocess.run([HERE / "where.sh", thing], capture_output=True, text=True, check=True).stdout.strip()
    if not Path(place).exists():
        raise ServiceError(f"there is no {place}; run scripts/setup.sh test")
    return place


class ProcessService(Service):
    """A server of which one process is running; its command line names the directory of its state."""

    state = (*Service.state, "pid")

    def __init__(self, directory, _options):
        super().__init__(directory)
        self.pid = self.directory / "pid"

    def command(self):
        """The command line."""
        raise NotImplementedError

    def is_ready(self, log):
        """Are clients served? `log` is what the server has written since its start."""
        raise NotImplementedError

    def start(self):
        if self.process():
            raise ServiceError(f"{self.name} is already running in {self.directory}")
        command = self.command()
        with open(self.log, "ab") as log:
            offset = log.tell()
            # Its own session: Ctrl-C is for the client, which may want to finish its work first.
            server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self.pid.write_text(f"{server.pid}\n")
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready(self.log.read_bytes()[offset:]):
            if server.poll() is not None:
                raise self.failure("ended while starting")
            if time.monotonic() > deadline:
                self.stop()
                raise self.failure(f"is not ready after {START_SECONDS} s")
            time.sleep(0.05)

    def stop(self):
        self.end(signal.SIGTERM)

    def kill(self):
        if not self.end(signal.SIGKILL):
            raise ServiceError(f"{self.name} is not running in {self.directory}")

    def end(self, number):
        """Send the signal to the server and wait for its end; False if there is none."""
        process = self.process()
        if process:
            os.kill(process, number)
            wait_for_end([process])
        return process is not None

    def process(self):
        """The process id of the running server."""
        try:
            process = int(self.pid.read_text())
            # A stale file may name a process that is something else by now.
            return process if str(self.directory).encode() in Path(f"/proc/{process}/cmdline").read_bytes() else None
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
