"""A proxy in front of an object store: it fails requests, cuts them short, loses answers, or lets a test do something in between."""

import re
import socket
import threading


class StoreProxy:
    """Serves one request a connection. `fault` says what befalls a request, by its number, its method and its path."""

    def __init__(self, server):
        host, port = re.fullmatch(r"http://([^:/]+):(\d+)", server).groups()
        self.server = (host, int(port))
        self.fault = lambda number, method, path: None
        self.requests = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def begin(self, fault=lambda number, method, path: None):
        """Count requests from now on, and let this befall them."""
        with self.lock:
            self.requests, self.fault = [], fault

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        # Either side may have been killed.
        try:
            with client:
                self.pass_on(client)
        except OSError:
            pass

    def pass_on(self, client):
        head, body, length = read_head(client)
        if not head:
            return
        method, path = head.split(" ", 2)[:2]
        with self.lock:
            self.requests.append((method, path))
            fault = self.fault(len(self.requests), method, path)
        if isinstance(fault, int):
            client.sendall(b"HTTP/1.1 %d Fault\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % fault)
            return
        if fault == "cut":
            # The store sees half of the request, the client nothing of an answer.
            length //= 2
        while len(body) < length and (more := client.recv(1 << 16)):
            body += more
        lines = [line for line in head.split("\r\n") if not line.lower().startswith("connection:")]
        with socket.create_connection(self.server) as to:
            to.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body[:length])
            if fault == "cut":
                return
            answer = b""
            while more := to.recv(1 << 16):
                answer += more
        # The answer is lost unless what happens meanwhile says otherwise.
        if fault is None or callable(fault) and fault():
            client.sendall(answer)


def read_head(client):
    """The head of a request, what came of its body, and the length of that."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(1 << 16)
        if not more:
            return "", b"", 0
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return head.decode(), body, int(found[1]) if found else 0
