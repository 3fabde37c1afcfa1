#!/usr/bin/env -S python3 -B
"""A throwaway object store that speaks as Azure's blobs do: Azurite, listening on a free port of 127.0.0.1.

    scripts/azure.py run -- tests/files/archive_clouds.py

Its one container is `tally`.
"""

import base64
import email.utils
import hashlib
import hmac
import http.client

from process import ProcessService, where
from service import ServiceError, main

# The account that every Azurite has: published by its makers, and no secret.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
VERSION = "2021-08-06"


class Azure(ProcessService):
    """One Azurite, which scripts/setup.sh installs."""

    name = "the store of blobs"

    def command(self):
        self.data.mkdir(exist_ok=True)
        program = f"{where('azurite')}/node_modules/azurite/dist/src/blob/main.js"
        address = ["--blobHost", "127.0.0.1", "--blobPort", str(self.port())]
        return ["node", program, *address, "--location", str(self.data), "--skipApiVersionCheck", "--disableTelemetry"]

    def is_ready(self, log):
        return b"successfully listens" in log

    def start(self):
        super().start()
        self.make_container()

    def make_container(self):
        """Make the container, by the only request here that somebody has to sign."""
        date = email.utils.formatdate(usegmt=True)
        signed = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{VERSION}\n/{ACCOUNT}/{ACCOUNT}/tally\nrestype:container"
        signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), signed.encode(), hashlib.sha256)).decode()
        headers = {"x-ms-date": date, "x-ms-version": VERSION, "Content-Length": "0", "Authorization": f"SharedKey {ACCOUNT}:{signature}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port())
        connection.request("PUT", f"/{ACCOUNT}/tally?restype=container", headers=headers)
        # After a restart it is there.
        if (status := connection.getresponse().status) not in (201, 409):
            raise ServiceError(f"{self.name} makes no container: {status}")

    def environment(self):
        return {
            "AZURE_STORAGE_USE_EMULATOR": "true",
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{self.port()}",
        }


if __name__ == "__main__":
    main(Azure)
