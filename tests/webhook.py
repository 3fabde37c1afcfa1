"""A webhook that takes notifications, for tests of the programs that send them."""

import http.server
import json
import threading
import time


class Webhook:
    """A receiver of notifications; `hangs` keeps it from answering."""

    def __init__(self):
        self.messages, self.hangs = [], threading.Event()
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                webhook.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                while webhook.hangs.is_set():
                    time.sleep(0.05)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def section(self):
        return f"[notify]\nurl = 'http://127.0.0.1:{self.server.server_port}/hook'\n"

    def told(self, name):
        return [message for message in self.messages if message["problem"] == name]
