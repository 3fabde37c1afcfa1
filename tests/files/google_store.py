"""A store that answers as Google's XML API is documented to: objects have generations, which conditions are about.

No store of Google's kind that can be installed speaks this API whole; what it cannot show is how Google's own behaves under load.
"""

import datetime
import hashlib
import http.server
import itertools
import json
import re
import threading
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class Blob:
    def __init__(self, content, generation):
        self.content, self.generation = content, generation
        self.tag = f'"{hashlib.md5(content).hexdigest()}"'
        self.changed = datetime.datetime.now(datetime.timezone.utc)

    def headers(self):
        changed = f"{self.changed:%a, %d %b %Y %H:%M:%S} GMT"
        return {"ETag": self.tag, "x-goog-generation": self.generation, "Last-Modified": changed}


class GoogleStore:
    """The store, on a free port of 127.0.0.1, and the file by which programs find it."""

    def __init__(self, account):
        self.blobs, self.uploads, self.numbers, self.lock = {}, {}, itertools.count(1), threading.Lock()
        handler = type("Handler", (GoogleHandler,), {"store": self})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        account.write_text(json.dumps({"gcs_base_url": f"http://127.0.0.1:{server.server_port}", "disable_oauth": True,
                                       "client_email": "", "private_key": "", "private_key_id": ""}))

    def keep(self, name, content, wanted):
        """Keep an object if the one before has the generation that is wanted; 0 is none."""
        with self.lock:
            before = self.blobs[name].generation if name in self.blobs else 0
            if wanted is not None and int(wanted) != before:
                return None
            self.blobs[name] = Blob(content, next(self.numbers))
            return self.blobs[name]


class GoogleHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, content=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, str(value))
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def asked(self):
        """The name of the object, and the parameters."""
        url = urlsplit(self.path)
        parameters = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        return unquote(url.path).removeprefix("/tally").removeprefix("/"), parameters

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def found(self):
        """The object that is asked for, if there is one and it is the one that is wanted."""
        blob = self.store.blobs.get(self.asked()[0])
        if not blob:
            return self.answer(404)
        if self.headers.get("If-Match", blob.tag) != blob.tag:
            return self.answer(412)
        return blob

    def do_HEAD(self):
        if blob := self.found():
            self.answer(200, b"", {**blob.headers(), "Content-Length": len(blob.content)})

    def do_GET(self):
        name, parameters = self.asked()
        if "list-type" in parameters:
            return self.answer(200, self.listing(parameters.get("prefix", "")))
        if blob := self.found():
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if not wanted:
                return self.answer(200, blob.content, blob.headers())
            first, last = int(wanted[1]), min(int(wanted[2] or len(blob.content)), len(blob.content) - 1)
            self.answer(206, blob.content[first:last + 1], {**blob.headers(), "Content-Range": f"bytes {first}-{last}/{len(blob.content)}"})

    def listing(self, prefix):
        one = "<Contents><Key>{}</Key><Generation>{}</Generation><LastModified>{:%Y-%m-%dT%H:%M:%S.%fZ}</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>"
        found = (one.format(escape(name), blob.generation, blob.changed, blob.tag, len(blob.content))
                 for name, blob in sorted(self.store.blobs.items()) if name.startswith(prefix))
        return f"<ListBucketResult>{''.join(found)}</ListBucketResult>".encode()

    def do_PUT(self):
        name, parameters = self.asked()
        content = self.body()
        if "uploadId" in parameters:
            self.store.uploads[parameters["uploadId"]][int(parameters["partNumber"])] = content
            return self.answer(200, b"", {"ETag": f'"{hashlib.md5(content).hexdigest()}"'})
        self.stored(self.store.keep(name, content, self.headers.get("x-goog-if-generation-match")))

    def stored(self, blob, content=b""):
        self.answer(200, content, blob.headers()) if blob else self.answer(412)

    def do_POST(self):
        name, parameters = self.asked()
        self.body()
        if "uploads" in parameters:
            upload = str(next(self.store.numbers))
            self.store.uploads[upload] = {}
            return self.answer(200, f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>".encode())
        parts = self.store.uploads.pop(parameters["uploadId"])
        blob = self.store.keep(name, b"".join(parts[number] for number in sorted(parts)), None)
        self.stored(blob, f"<CompleteMultipartUploadResult><ETag>{escape(blob.tag)}</ETag></CompleteMultipartUploadResult>".encode())

    def do_DELETE(self):
        name, parameters = self.asked()
        self.store.uploads.pop(parameters.get("uploadId"), None) if "uploadId" in parameters else self.store.blobs.pop(name, None)
        self.answer(204)

    def log_message(self, *_):
        pass
