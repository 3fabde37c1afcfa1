"""Clients of streams of events: server-sent events, and websockets, as far as the tests need them."""

import base64
import json
import os
import socket
import struct
import time

from server import basic


class Refused(Exception):
    """The service has answered with a problem."""

    def __init__(self, status, body):
        super().__init__(status, body)
        self.status, self.body = status, body


class Stream:
    """What both have: a connection whose answer has begun, and what it tells."""

    def __init__(self, service, path, user="ann", headers=None, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(60)
        self.socket.connect((service.address, service.port))
        sent = {"Host": f"{service.address}:{service.port}", **(basic(user) if user else {}), **self.asked(), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        self.socket.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        self.data, self.text = b"", b""
        answer = self.until(b"\r\n\r\n").decode()
        status = int(answer.split()[1])
        if status not in (101, 200):
            length = int(answer.lower().split("content-length:")[1].split()[0])
            raise Refused(status, json.loads(self.exactly(length)))
        self.chunked = "chunked" in answer.lower()
        self.events, self.missed, self.quiet, self.after, self.ended, self.code = [], [], 0, None, None, None
        # The positions with which it began.
        self.read()
        self.began = self.after

    def more(self):
        part = self.socket.recv(1 << 18)
        if not part:
            raise EOFError
        self.data += part

    def until(self, mark):
        while mark not in self.data:
            self.more()
        found, self.data = self.data.split(mark, 1)
        return found

    def exactly(self, length):
        while len(self.data) < length:
            self.more()
        found, self.data = self.data[:length], self.data[length:]
        return found

    def note(self, kind, value):
        if kind == "missed":
            self.missed.append(value)
        elif kind == "quiet":
            self.quiet += 1
        elif kind == "opened":
            self.opened = value
        elif kind == "end":
            self.ended = value

    def read_until(self, holds, seconds=60):
        """Read until something holds of this, or the stream is over; whether it holds."""
        until = time.monotonic() + seconds
        while not holds(self):
            if time.monotonic() > until:
                raise AssertionError(f"it does not come: {len(self.events)} events, {self.missed}, {self.ended}")
            try:
                self.read()
            except EOFError:
                return holds(self)
        return True

    def rows(self):
        return [event["row"] for event in self.events if "row" in event]

    def close(self):
        self.socket.close()


class Lines(Stream):
    """Server-sent events."""

    @staticmethod
    def asked():
        return {"Accept": "text/event-stream"}

    def read(self):
        while b"\n\n" not in self.text:
            length = int(self.until(b"\r\n"), 16)
            if length == 0:
                raise EOFError
            self.text += self.exactly(length)
            self.exactly(2)
        event, self.text = self.text.split(b"\n\n", 1)
        kind, data = None, None
        for line in event.decode().split("\n"):
            name, _, value = line.partition(": ")
            if name == "id":
                self.after = value
            elif name == "event":
                kind = value
            elif name == "data":
                data = json.loads(value)
        if kind:
            self.note(kind, data)
        elif data is not None:
            self.events.append(data)


class Frames(Stream):
    """A websocket."""

    @staticmethod
    def asked():
        key = base64.b64encode(os.urandom(16)).decode()
        return {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}

    def frame(self):
        """The kind and the content of the next frame."""
        first, length = self.exactly(2)
        if length == 126:
            length = struct.unpack(">H", self.exactly(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self.exactly(8))[0]
        return first & 15, self.exactly(length)

    def read(self):
        kind, content = self.frame()
        if kind == 8:
            self.code = struct.unpack(">H", content[:2])[0]
            raise EOFError
        told = json.loads(content)
        self.after = told.pop("after")
        for name, value in told.items():
            if name in ("events", "alerts"):
                self.events += value
            else:
                self.note(name, value)
