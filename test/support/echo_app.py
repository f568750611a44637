"""A web server with one path for each way in which apps talk: answers, uploads, server-sent events, WebSockets. argv: the port, and a name.

It needs no module that Debian's python3-minimal lacks.
"""

import base64
import hashlib
import socket
import struct
import sys
import threading
import time

PORT, NAME = int(sys.argv[1]), sys.argv[2]


class Connection:
    def __init__(self, peer):
        self.peer, self.stream = peer, peer.makefile("rb")

    def serve(self):
        """One request after the other, as HTTP/1.1 has it."""
        self.goes_on = True
        while self.goes_on:
            line = self.stream.readline().decode("latin-1").split()
            if len(line) != 3:
                return
            self.method, self.target, self.pairs = line[0], line[1], []
            while True:
                header = self.stream.readline().decode("latin-1").strip()
                if not header:
                    break
                name, _, value = header.partition(":")
                self.pairs.append((name, value.strip()))
            self.headers = {name.lower(): value for name, value in self.pairs}
            if self.headers.get("connection", "").lower() == "close":
                self.goes_on = False
            self.route(self.target.split("?")[0])

    def head(self, status, headers):
        lines = ["HTTP/1.1 %d X" % status] + ["%s: %s" % each for each in headers]
        self.peer.sendall("".join(line + "\r\n" for line in lines + [""]).encode("latin-1"))

    def answer(self, body, status=200, headers=()):
        self.head(status, [*headers, ("Content-Length", len(body))])
        if self.method != "HEAD":
            self.peer.sendall(body)

    def route(self, path):
        if self.headers.get("upgrade", "").lower() == "websocket":
            self.goes_on = False
            self.socket(path)
        elif self.method not in ("GET", "HEAD"):
            digest, size = hashlib.sha256(), 0
            for piece in self.body():
                digest.update(piece)
                size += len(piece)
            self.answer(("%s %d %s" % (self.method, size, digest.hexdigest())).encode())
        elif path == "/headers":
            # A careless app: whoever asks may read it.
            loose = [("Access-Control-Allow-Origin", self.headers.get("origin", "*")), ("Access-Control-Allow-Credentials", "true")]
            self.answer("".join("%s: %s\n" % each for each in self.pairs).encode(), headers=loose)
        elif path == "/cookies":
            self.answer(b"", headers=[("Set-Cookie", "a=1; Domain=apps.skein.test"), ("Set-Cookie", "b=2; Path=/x")])
        elif path == "/redirect":
            self.answer(b"", 302, [("Location", "http://%s/there" % self.headers["host"])])
        elif path == "/large":
            self.answer(bytes(20_000_000))
        elif path == "/events":
            self.events()
        elif path == "/idle":
            self.goes_on = False
            self.head(200, [("Content-Type", "text/event-stream")])
            self.peer.sendall(b": nothing follows\n")
            self.stream.read(1)
            print("left", flush=True)
        elif path == "/packed":
            self.answer(b"not really gzip", headers=[("Content-Encoding", "gzip"), ("ETag", '"1"')])
        elif path == "/broken":
            self.goes_on = False
            self.head(200, [("Content-Length", 100)])
            self.peer.sendall(b"half")
        else:
            self.answer(("<title>%s</title>%s" % (NAME, path)).encode(), headers=[("Content-Type", "text/html")])

    def body(self):
        if "chunked" in self.headers.get("transfer-encoding", ""):
            while True:
                size = int(self.stream.readline(), 16)
                yield self.stream.read(size)
                self.stream.readline()
                if size == 0:
                    return
        left = int(self.headers.get("content-length", 0))
        while left > 0:
            piece = self.stream.read(min(left, 65536))
            left -= len(piece)
            yield piece

    def events(self):
        self.goes_on = False
        self.head(200, [("Content-Type", "text/event-stream"), ("Connection", "close")])
        try:
            for i in range(1000):
                self.peer.sendall(b"data: %d\n\n" % i)
                time.sleep(0.05)
        except OSError:
            print("left", flush=True)

    def socket(self, path):
        if path == "/refused":
            self.answer(b"no", 403)
            return
        key = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        offered = [each.strip() for each in self.headers.get("sec-websocket-protocol", "").split(",")]
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)]
        self.head(101, headers + ([("Sec-WebSocket-Protocol", "echo")] if "echo" in offered else []))
        if path == "/counting":
            threading.Thread(target=self.count, daemon=True).start()
        try:
            self.echo()
        except OSError:
            pass
        print("socket over", flush=True)

    def count(self):
        try:
            for i in range(100_000):
                self.frame(1, str(i).encode())
                time.sleep(0.05)
        except OSError:
            pass

    def echo(self):
        while True:
            head = self.stream.read(2)
            if len(head) < 2:
                return
            kind, size = head[0] & 15, head[1] & 127
            if size > 125:
                wide = self.stream.read(2 if size == 126 else 8)
                size = struct.unpack(">H" if len(wide) == 2 else ">Q", wide)[0]
            mask = self.stream.read(4)
            body = self.stream.read(size)
            # One number of any size is masked faster than bytes one by one.
            masks = (mask * (size // 4 + 1))[:size]
            body = (int.from_bytes(body, "big") ^ int.from_bytes(masks, "big")).to_bytes(size, "big")
            if kind == 8:
                self.frame(8, body)
                return
            if body == b"close":
                self.frame(8, struct.pack(">H", 4001) + b"bye")
            elif body == b"break":
                return
            elif kind in (1, 2):
                self.frame(kind, body)

    def frame(self, kind, body):
        size = len(body)
        long = b"\x7e" + struct.pack(">H", size) if size < 65536 else b"\x7f" + struct.pack(">Q", size)
        self.peer.sendall(bytes([128 | kind]) + (bytes([size]) if size < 126 else long) + body)


def serve(peer):
    with peer:
        try:
            Connection(peer).serve()
        except OSError:
            pass
        peer.close()


listener = socket.create_server(("127.0.0.1", PORT), backlog=100)
print("up", flush=True)
while True:
    threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()
