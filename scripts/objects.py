#!/usr/bin/env -S python3 -B
"""A throwaway object store that speaks S3: the Versity gateway on a directory, listening on a free port of 127.0.0.1.

    eval "$(scripts/objects.py start DIR)"; ls $OBJECTS_DIRECTORY/data; scripts/objects.py stop DIR
    scripts/objects.py run -- cargo test

Its one bucket is `tally`, a directory: an object is a file in it.
"""

import os
import socket

from process import ProcessService, where
from service import main

KEY, SECRET = "tally", "tally-secret"


class Objects(ProcessService):
    """One gateway, which scripts/setup.sh builds."""

    name = "the object store"
    state = (*ProcessService.state, "metadata")

    def command(self):
        metadata = self.directory / "metadata"
        (self.data / "tally").mkdir(parents=True, exist_ok=True)
        metadata.mkdir(exist_ok=True)
        # Not every file system keeps extended attributes.
        posix = ["posix", "--sidecar", str(metadata), str(self.data)]
        return [where("versitygw"), "--access", KEY, "--secret", SECRET, "--port", f"127.0.0.1:{self.port()}", *posix]

    def is_ready(self, log):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port())) == 0

    def environment(self):
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port()}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "OBJECTS_DIRECTORY": str(self.directory),
        }


if __name__ == "__main__":
    main(Objects)
