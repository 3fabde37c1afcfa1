"""Sessions with the running cluster that keep what psql throws away: the SQLSTATE of each error and the process of the server."""

import os
import socket
import struct


class ServerError(Exception):
    """An error that the server reported."""

    def __init__(self, fields):
        self.sqlstate, self.message = fields.get("C", ""), fields.get("M", "")
        self.detail, self.hint, self.context = (fields.get(letter, "") for letter in "DHW")
        super().__init__(f"{self.sqlstate} {self.message}")


class Gone(Exception):
    """The server closed the connection."""


class Session:
    """One connection by the simple protocol, to a server that trusts everybody."""

    def __init__(self, user="postgres", database=None, **settings):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{os.environ['PGHOST']}/.s.PGSQL.{os.environ['PGPORT']}")
        self.buffer, self.process, self.notices, self.columns = b"", None, [], []
        words = {"user": user, "database": database or os.environ["PGDATABASE"], **settings}
        body = struct.pack("!i", 196608) + b"".join(f"{k}\0{v}\0".encode() for k, v in words.items()) + b"\0"
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self._answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def __call__(self, sql):
        """Run SQL; the rows of its last statement as tuples of text, None for NULL."""
        body = sql.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        return self._answer()

    def binary(self, sql, types, parameters):
        """Run one statement with parameters in binary, of the types that these OIDs name."""
        parse = b"\0" + sql.encode() + b"\0" + struct.pack(f"!h{len(types)}I", len(types), *types)
        bind = b"\0\0" + struct.pack("!hhh", 1, 1, len(parameters))
        bind += b"".join(struct.pack("!i", len(parameter)) + parameter for parameter in parameters) + struct.pack("!h", 0)
        for kind, body in (b"P", parse), (b"B", bind), (b"D", b"P\0"), (b"E", b"\0" + struct.pack("!i", 0)), (b"S", b""):
            self.socket.sendall(kind + struct.pack("!i", len(body) + 4) + body)
        return self._answer()

    def value(self, sql):
        """The first column of the first row."""
        return self(sql)[0][0]

    def attempt(self, sql):
        """The same, but gives the error, or None, instead of raising it."""
        try:
            self(sql)
        except ServerError as error:
            return error
        return None

    def _answer(self):
        rows, error, self.notices, self.columns = [], None, [], []
        while True:
            kind, body = self._message()
            if kind == b"T":
                rows, self.columns = [], _columns(body)
            elif kind == b"D":
                rows.append(_row(body))
            elif kind == b"K":
                (self.process,) = struct.unpack_from("!i", body)
            elif kind == b"N":
                self.notices.append(_fields(body))
            elif kind == b"E":
                error = ServerError(_fields(body))
                if self.process is None or error.sqlstate.startswith("57P"):
                    raise error
            elif kind == b"Z":
                if error:
                    raise error
                return rows

    def _message(self):
        head = self._take(5)
        return head[:1], self._take(struct.unpack("!i", head[1:])[0] - 4)

    def _take(self, length):
        while len(self.buffer) < length:
            part = self.socket.recv(1 << 20)
            if not part:
                raise Gone("the server closed the connection")
            self.buffer += part
        taken, self.buffer = self.buffer[:length], self.buffer[length:]
        return taken


def _row(body):
    (columns,) = struct.unpack_from("!h", body)
    at, row = 2, []
    for _ in range(columns):
        (length,) = struct.unpack_from("!i", body, at)
        at += 4
        row.append(None if length < 0 else body[at : at + length].decode())
        at += max(length, 0)
    return tuple(row)


def _columns(body):
    """The type of each column and its modifier."""
    (columns,) = struct.unpack_from("!h", body)
    at, types = 2, []
    for _ in range(columns):
        at = body.index(b"\0", at) + 1
        types.append(struct.unpack_from("!6xI2xi", body, at))
        at += 18
    return types


def _fields(body):
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}


def literal(text):
    """Text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def name(text):
    """A name as SQL."""
    return '"' + text.replace('"', '""') + '"'


class Report:
    """What was checked, in TAP."""

    def __init__(self):
        self.failed = False

    def check(self, what, problem):
        """Say that something holds, or what is wrong with it."""
        if problem:
            self.failed = True
            print(f"not ok - {what}\n    " + str(problem).replace("\n", "\n    "), flush=True)
        else:
            print(f"ok - {what}", flush=True)
