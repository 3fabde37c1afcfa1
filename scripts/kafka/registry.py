#!/usr/bin/env -S python3 -B
"""A throwaway schema registry: Apicurio, which speaks Confluent's protocol, listening on a free port of 127.0.0.1.

    eval "$(scripts/kafka/registry.py start DIR)"; curl $REGISTRY_URL/subjects; scripts/kafka/registry.py stop DIR
    scripts/kafka/registry.py run -- cargo test

Its schemas are in memory only.
"""

import sys
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from process import ProcessService, where
from service import main


class Registry(ProcessService):
    """One registry, from the archive that scripts/setup.sh downloads."""

    name = "the schema registry"

    def command(self):
        jars = sorted(Path(where("registry")).glob("*runner.jar"))
        settings = [f"-Dquarkus.http.port={self.port()}", "-Dquarkus.http.host=127.0.0.1", f"-Dstate={self.directory}"]
        return ["java", "-Xmx512m", *settings, "-jar", str(jars[0])]

    def is_ready(self, log):
        try:
            return urllib.request.urlopen(f"{self.url()}/subjects", timeout=1).status == 200
        except (urllib.error.URLError, OSError):
            return False

    def url(self):
        """Where clients find it."""
        return f"http://127.0.0.1:{self.port()}/apis/ccompat/v7"

    def environment(self):
        return {"REGISTRY_URL": self.url(), "REGISTRY_DIRECTORY": str(self.directory)}


if __name__ == "__main__":
    main(Registry)
