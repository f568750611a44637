"""Skein's client for Python 3.9 or newer: sessions, events, logs, commands, ports and files. It needs the standard library only.

    skein = Skein("http://127.0.0.1:8787", token="skt_…")
    session = skein.create_session({"image": "debian:12", "clusterSize": 2})

Answers are dictionaries, as the API's OpenAPI document describes them (GET /docs). docs/streams.md has the frames of `exec` and `connect`.
"""

from __future__ import annotations

import base64
import collections
import contextlib
import dataclasses
import datetime
import hashlib
import http.client
import json
import os
import random
import re
import socket
import ssl
import struct
import tarfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, Deque, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

__version__ = "0.1.0"

Json = Dict[str, Any]

#: The API says something at least every 15 s, and answers a ping at once.
_SILENCE_S = 25.0
_ENDED = ("terminated", "failed")
#: What a session with `"gate": "manual"` says once it waits for its start.
_WAITS_FOR_START = "waits for start"
#: Seconds without a byte of a copy. The API gives up sooner, and says why.
_COPY_S = 330.0
#: Statuses that may be another in a moment.
_PASSING = (408, 425, 429, 500, 502, 503, 504)


class ApiProblem(Exception):
    """What the API answered instead of what was asked for: RFC 9457 problem details."""

    def __init__(self, problem: Json) -> None:
        super().__init__(problem.get("detail") or problem.get("title"))
        #: All fields of the answer.
        self.problem = problem
        self.status = int(problem.get("status", 0))
        #: Stable; docs/errors.md has them all.
        self.code = str(problem.get("code", "unknown"))


class SessionEnded(Exception):
    """The session has ended, so what was waited for cannot come any more."""

    def __init__(self, session: Json) -> None:
        super().__init__(f"session {session['name']} has {session['status']}: {session['reason']}")
        self.session = session


class StreamBroken(Exception):
    """A stream broke before the end of its command was known. `code` as in docs/streams.md, or `connection_lost`."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason or code)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    #: 128 + signal if a signal ended it.
    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclasses.dataclass(frozen=True)
class StreamResult:
    """Why a stream ended: `done`, or why it could not go on (docs/streams.md)."""

    code: str
    reason: str
    exit_code: Optional[int] = None


class Skein:
    """One API and one token. Each method raises ApiProblem for what the API refuses, and OSError for what fails on the way there."""

    def __init__(self, api: str, token: Optional[str] = None, timeout: float = 90.0) -> None:
        """`api` is like http://127.0.0.1:8787; `timeout` is for one request, in seconds."""
        self._api = api.rstrip("/")
        self._token = token
        self._timeout = timeout

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One request; returns what its JSON answer holds, or None without one. Values of None are left out of the query."""
        with self._open(method, path, query, body, timeout=self._timeout) as response:
            text = response.read()
        return json.loads(text) if text else None

    def create_session(self, request: Mapping[str, Any], idempotency_key: Optional[str] = None) -> Json:
        """Creates a session (docs/requests.md) and returns it at once. The same key and request give the same session."""
        headers = {} if idempotency_key is None else {"idempotency-key": idempotency_key}
        with self._open("POST", "/v1/sessions", {}, dict(request), headers, self._timeout) as response:
            return _object(json.load(response))

    def session(self, session: str) -> Json:
        """A session by its id or name."""
        return _object(self.call("GET", _path("/v1/sessions", session)))

    def sessions(self, status: Union[str, Sequence[str], None] = None) -> Iterator[Json]:
        """The sessions of the token's project, newest first: all, or those with this status, or with one of several."""
        return self._pages("/v1/sessions", status=status)

    def nodes(self) -> Iterator[Json]:
        """All nodes; needs the role admin."""
        return self._pages("/v1/nodes")

    def start(self, session: str) -> Json:
        """Opens the gate of a session that was made with `"gate": "manual"`. Before its time that is remembered."""
        return _object(self.call("POST", _path("/v1/sessions", session, "start")))

    def end_session(self, session: str) -> Json:
        """Ends a session, and returns it at once. Ending an ended one is no error."""
        return _object(self.call("DELETE", _path("/v1/sessions", session)))

    def app_link(self, session: str, app: str) -> str:
        """A link that opens an app of a session in a browser (docs/apps.md): good for a minute, and once."""
        link = self.call("POST", _path("/v1/sessions", session, "apps", app, "links"))
        return str(link["url"])

    def wait(self, session: str, until: str = "running", timeout: Optional[float] = None) -> Json:
        """Waits until a session is `running`, or `ended` (terminated or failed), and returns it. An API that is away only delays it.

        `ready`: until it waits for its start (`"gate": "manual"`), or is running. Raises SessionEnded if it ended before it was running, TimeoutError after `timeout` seconds.
        """
        if until not in ("running", "ended", "ready"):
            raise ValueError("until must be running, ended or ready")

        def is_so(now: Json) -> bool:
            if until == "ready" and now["status"] == "starting":
                return bool(now["reason"] == _WAITS_FOR_START)
            return now["status"] in (_ENDED if until == "ended" else ("running",))

        deadline = None if timeout is None else time.monotonic() + timeout

        def patience() -> float:
            left = _SILENCE_S if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"the session is not {until} after {timeout} s")
            return min(left, _SILENCE_S)

        found = self.session(session)
        while True:
            if is_so(found):
                return found
            if found["status"] in _ENDED:
                raise SessionEnded(found)
            # By its id, since another session may get the name. Looked at once connected, at each change and each sign of life.
            for event in self._events(found["id"], None, 0, patience):
                patience()
                if event is None or event["event"] == "session":
                    now = self._passing(lambda: self.session(found["id"]))
                    if now is not None and (now["status"] != found["status"] or is_so(now)):
                        found = now
                        break
            else:
                found = self.session(found["id"])

    def events(
        self, session: Optional[str] = None, after: Optional[str] = None, tail: Optional[int] = None
    ) -> Iterator[Json]:
        """Events of a session until its end, or of the token's project; docs/events.md. `event` and `id` are among their fields.

        They go on after a broken connection, without gap or repeat. `after`: behind the event of that id; `tail`: only the last so many.
        """
        return (event for event in self._events(session, after, tail, lambda: _SILENCE_S) if event is not None)

    def logs(
        self,
        session: str,
        host: Optional[str] = None,
        follow: bool = False,
        tail: Optional[int] = None,
        since: Optional[str] = None,
    ) -> Iterator[Json]:
        """Lines of one container's output, or of all: `host`, `stream`, `time`, `text`. `since`: RFC 3339, or a span like 10m.

        With `follow` until all containers have ended. They go on after a broken connection, without gap or repeat.
        """
        last: Dict[str, str] = {}
        start = _absolute(since)
        tries = _Tries()
        while True:
            query: Json = {"host": host, "follow": "true" if follow else None, "since": start}
            if not last:
                query["tail"] = tail
            elif host is not None:
                query["since"] = last[host]
            else:
                hosts = [each["host"] for each in self.session(session)["containers"]]
                # A container that was not heard before the break still has all its lines to send.
                query["since"] = min((last[each] for each in hosts), default=start) if set(hosts) <= set(last) else start
            try:
                accept = {"accept": "application/x-ndjson"}
                path = _path("/v1/sessions", session, "logs")
                with self._open("GET", path, query, None, accept, _SILENCE_S) as response:
                    for text in _lines(response):
                        tries.succeeded()
                        if not text:
                            continue
                        line = _object(json.loads(text))
                        if line["stream"] != "notice":
                            if line["time"] <= last.get(line["host"], ""):
                                continue
                            last[line["host"]] = line["time"]
                        yield line
                return
            except (OSError, http.client.HTTPException, ApiProblem) as error:
                tries.failed(error)

    def exec(
        self,
        session: str,
        command: Sequence[str],
        host: str = "main1",
        tty: Optional[Tuple[int, int]] = None,
        env: Optional[Mapping[str, str]] = None,
        user: Optional[str] = None,
        workdir: Optional[str] = None,
    ) -> Stream:
        """Runs a command in a container, as a stream. `tty`: columns and rows of a terminal; without it stdout and stderr stay apart."""
        start: Json = {"type": "start", "command": list(command), "env": dict(env or {})}
        if tty is not None:
            start["tty"] = {"cols": tty[0], "rows": tty[1]}
        if user is not None:
            start["user"] = user
        if workdir is not None:
            start["workdir"] = workdir
        return self._dial(_path("/v1/sessions", session, "containers", host, "exec"), start)

    def run(
        self, session: str, command: Sequence[str], host: str = "main1", input: bytes = b"", **options: Any
    ) -> Ran:
        """Runs a command to its end, and collects what it prints. `options` as for `exec`. Raises StreamBroken."""
        with self.exec(session, command, host, **options) as stream:
            printed: Dict[str, List[bytes]] = {"stdout": [], "stderr": []}

            def feed() -> None:
                stream.write(input)
                stream.end()

            feeder = threading.Thread(target=feed, daemon=True)
            feeder.start()
            for source, data in stream.output():
                printed[source].append(data)
            result = stream.result()
            feeder.join()
        if result.exit_code is None:
            raise StreamBroken(result.code, result.reason)
        return Ran(result.exit_code, b"".join(printed["stdout"]), b"".join(printed["stderr"]))

    def connect(self, session: str, port: int, host: str = "main1") -> Stream:
        """One TCP connection to a port of a container; what comes from it is the stream's `stdout`."""
        return self._dial(_path("/v1/sessions", session, "containers", host, "ports", str(port)), None)

    def upload(self, session: str, local: str, path: str = ".", host: str = "*") -> None:
        """Puts what is in a directory of this machine into a directory of all containers, or of one. It is made if it is missing.

        A relative `path` counts from the container's working directory. Raises OSError for what cannot be read here.
        """
        names = sorted(os.listdir(local))
        receiver, sender = os.pipe()
        failed: List[Exception] = []

        def pack() -> None:
            try:
                with os.fdopen(sender, "wb") as pipe, tarfile.open(fileobj=pipe, mode="w|") as tar:
                    for name in names:
                        tar.add(os.path.join(local, name), arcname=name)
            except (OSError, tarfile.TarError) as error:
                failed.append(error)

        packer = threading.Thread(target=pack, daemon=True)
        packer.start()

        def pieces() -> Iterator[bytes]:
            yield from iter(lambda: os.read(receiver, 65536), b"")
            packer.join()
            if failed:
                # Else the archive would look whole.
                raise failed[0]

        try:
            self.put_files(session, path, pieces(), host, parents=True)
        except urllib.error.URLError:
            if failed:
                raise failed[0] from None
            raise
        finally:
            os.close(receiver)
            packer.join()

    def download(self, session: str, path: str, local: str = ".", host: str = "main1") -> None:
        """Copies a file or directory of a container into a directory of this machine. Nothing is written outside that directory.

        Raises tarfile.TarError for what leads out of it, and for devices; RuntimeError where Python is too old for that check (PEP 706).
        """
        if not hasattr(tarfile, "data_filter"):
            raise RuntimeError("this Python cannot unpack safely: use 3.9.17, 3.10.12, 3.11.4, 3.12 or newer, or get_files")
        with self.get_files(session, path, host) as response, tarfile.open(fileobj=response, mode="r|") as tar:
            tar.extractall(local, filter="data")
            # What breaks off behind the last file is no whole archive, either.
            while response.read(65536):
                pass

    def put_files(
        self, session: str, path: str, tar: Iterable[bytes], host: str = "main1", parents: bool = False
    ) -> None:
        """Unpacks a tar archive, in pieces, in a directory of a container (`*`: of all). `parents`: it is made if it is missing."""
        where = _path("/v1/sessions", session, "containers", host, "files")
        query = {"path": path, "parents": "true" if parents else None}
        with self._open("PUT", where, query, None, {"content-type": "application/x-tar"}, _COPY_S, tar):
            pass

    def get_files(self, session: str, path: str, host: str = "main1") -> Any:
        """A file or directory as a tar archive, to read from: `tarfile.open(fileobj=…, mode="r|")`. Close it, or use it in `with`."""
        where = _path("/v1/sessions", session, "containers", host, "files")
        return self._open("GET", where, {"path": path}, None, {}, _COPY_S)

    def _open(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: Any = None,
        headers: Mapping[str, str] = {},
        timeout: Optional[float] = None,
        stream: Optional[Iterable[bytes]] = None,
    ) -> Any:
        text = urllib.parse.urlencode(
            {key: value for key, value in query.items() if value is not None}, doseq=True
        )
        request = urllib.request.Request(f"{self._api}{path}{'?' + text if text else ''}", method=method)
        if self._token is not None:
            # Not sent to another host, should something in between redirect us.
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        for name, value in headers.items():
            request.add_header(name, value)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if stream is not None:
            request.data = stream
        try:
            return urllib.request.urlopen(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            with error:
                raise _problem(error.code, error.read()) from None

    def _pages(self, path: str, **query: Any) -> Iterator[Json]:
        cursor: Optional[str] = None
        while True:
            page = self.call("GET", path, limit=200, cursor=cursor, **query)
            yield from page["items"]
            cursor = page["nextCursor"]
            if cursor is None:
                return

    def _events(
        self, session: Optional[str], after: Optional[str], tail: Optional[int], patience: Callable[[], float]
    ) -> Iterator[Optional[Json]]:
        """Events, and None for each connection and sign of life. `patience`: seconds of silence that are no failure; it may raise."""
        path = "/v1/events" if session is None else _path("/v1/sessions", session, "events")
        tries = _Tries()
        while True:
            headers = {"accept": "text/event-stream"}
            if after is not None:
                headers["last-event-id"] = after
            silence = patience()
            try:
                with self._open("GET", path, {"tail": tail}, None, headers, silence) as response:
                    if response.status == 204:
                        return
                    yield None
                    fields: Dict[str, str] = {}
                    for raw in _lines(response):
                        tries.succeeded()
                        text = raw.decode()
                        name, _, value = text.partition(":")
                        if name:
                            fields[name] = value[1:] if value.startswith(" ") else value
                        if text and name:
                            continue
                        if not fields.get("data"):
                            yield None
                        else:
                            after = fields.get("id", after)
                            given = {"event": fields.get("event", "message"), "id": fields.get("id")}
                            yield {**given, **_object(json.loads(fields["data"]))}
                        fields = {}
                # Ended by the API: it is over (204 follows), or is to be asked for again.
                tries.pause()
            except (OSError, http.client.HTTPException, ApiProblem) as error:
                tries.failed(error)

    def _passing(self, ask: Callable[[], Json]) -> Optional[Json]:
        """None while the API cannot be reached, or is busy."""
        try:
            return ask()
        except (OSError, http.client.HTTPException):
            return None
        except ApiProblem as error:
            if error.status not in _PASSING:
                raise
            return None

    def _dial(self, path: str, start: Optional[Json]) -> Stream:
        return Stream(_WebSocket(self._api, path, self._token), start)


class Stream:
    """A stream into a container. Leaving its `with` block closes it: a command that still runs gets SIGHUP."""

    _FRAME = 64 * 1024
    #: What a frame uses of its window besides its data.
    _FRAME_COST = 256
    _PING_S = 10.0

    def __init__(self, web_socket: _WebSocket, start: Optional[Json]) -> None:
        self._web_socket = web_socket
        self._changed = threading.Condition()
        self._pieces: Deque[Tuple[str, bytes]] = collections.deque()
        self._output_ended = False
        self._window = 0
        self._credit = 0
        self._consumed = 0
        self._exit_code: Optional[int] = None
        self._result: Optional[StreamResult] = None
        self._over = threading.Event()
        if start is not None:
            self._send(start)
        for work in (self._listen, self._ping):
            threading.Thread(target=work, daemon=True).start()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def output(self) -> Iterator[Tuple[str, bytes]]:
        """What comes from the container, in order: (`stdout` or `stderr`, bytes). A container waits while nobody asks for more."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pieces or self._output_ended or self._result)
                if not self._pieces:
                    return
                piece = self._pieces.popleft()
            yield piece
            self._grant(len(piece[1]) + self._FRAME_COST)

    def write(self, data: bytes) -> None:
        """Sends bytes; waits while the container does not read. Does nothing once the stream is over."""
        view = memoryview(data)
        while view:
            with self._changed:
                self._changed.wait_for(lambda: self._credit > self._FRAME_COST or self._result)
                if self._result:
                    return
                size = min(self._FRAME, self._credit - self._FRAME_COST, len(view))
                self._credit -= size + self._FRAME_COST
            self._transmit(_BINARY, b"\0" + view[:size])
            view = view[size:]

    def end(self) -> None:
        """No more bytes follow: end of file for the container. Its output goes on."""
        with self._changed:
            # It must not come before the stream is open.
            self._changed.wait_for(lambda: self._window or self._result)
        self._send({"type": "end"})

    def resize(self, cols: int, rows: int) -> None:
        """The terminal's size has changed."""
        self._send({"type": "resize", "cols": cols, "rows": rows})

    def signal(self, name: str) -> None:
        """To the command's process group: INT, TERM, … (docs/streams.md)."""
        self._send({"type": "signal", "name": name})

    def result(self, timeout: Optional[float] = None) -> StreamResult:
        """Waits until the stream is over. Read `output` first, or beside it: a command waits for its reader. Raises TimeoutError."""
        if not self._over.wait(timeout):
            raise TimeoutError("the stream goes on")
        assert self._result is not None
        return self._result

    def close(self) -> None:
        """Leaves. A command that still runs gets SIGHUP, and SIGKILL after 10 s."""
        self._send({"type": "close", "code": "client_gone", "reason": "the client left"})
        self._end("client_gone", "the client left")

    def _listen(self) -> None:
        try:
            while not self._over.is_set():
                opcode, data = self._web_socket.receive()
                if opcode == _BINARY:
                    with self._changed:
                        self._pieces.append(("stderr" if data[:1] == b"\2" else "stdout", data[1:]))
                        self._changed.notify_all()
                elif data != b"pong":
                    self._heard(_object(json.loads(data)))
        except (OSError, ValueError, KeyError) as error:
            self._end("connection_lost", f"the connection to the API broke: {error}")

    def _heard(self, message: Json) -> None:
        kind = message["type"]
        if kind == "close":
            self._end(message["code"], message["reason"])
            return
        with self._changed:
            if kind == "opened":
                self._window = self._credit = message["window"]
            elif kind == "credit":
                self._credit += message["bytes"]
            elif kind == "exit":
                self._exit_code = message["code"]
            elif kind == "end":
                self._output_ended = True
            self._changed.notify_all()

    def _grant(self, size: int) -> None:
        self._consumed += size
        # Not for each frame: a quarter of the window at a time.
        if self._consumed >= self._window // 4:
            self._send({"type": "credit", "bytes": self._consumed})
            self._consumed = 0

    def _ping(self) -> None:
        while not self._over.wait(self._PING_S):
            self._transmit(_TEXT, b"ping")

    def _send(self, message: Json) -> None:
        self._transmit(_TEXT, json.dumps(message).encode())

    def _transmit(self, opcode: int, data: bytes) -> None:
        if self._over.is_set():
            return
        try:
            self._web_socket.send(opcode, data)
        except OSError as error:
            self._end("connection_lost", f"the connection to the API broke: {error}")

    def _end(self, code: str, reason: str) -> None:
        with self._changed:
            if self._result is None:
                self._result = StreamResult(code, reason, self._exit_code)
            self._changed.notify_all()
        self._over.set()
        self._web_socket.close()


_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10


class _WebSocket:
    """A client of RFC 6455: no extensions, masked frames, messages of bounded size."""

    _MAX_MESSAGE = 1024 * 1024

    def __init__(self, api: str, path: str, token: Optional[str]) -> None:
        url = urllib.parse.urlsplit(api)
        secure = url.scheme == "https"
        host = url.hostname or ""
        self._socket = socket.create_connection((host, url.port or (443 if secure else 80)), timeout=_SILENCE_S)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if secure:
                self._socket = ssl.create_default_context().wrap_socket(self._socket, server_hostname=host)
            self._reader = self._socket.makefile("rb")
            self._writing = threading.Lock()
            self._shake_hands(url.netloc.rpartition("@")[2], url.path.rstrip("/") + path, token)
        except BaseException:
            self._socket.close()
            raise

    def _shake_hands(self, host: str, path: str, token: Optional[str]) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: skein.v1"]
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        version, _, rest = self._reader.readline(65537).decode("latin-1").partition(" ")
        if not version.startswith("HTTP/1."):
            raise ConnectionError("no HTTP server answers there")
        headers = http.client.parse_headers(self._reader)
        status = int(rest[:3])
        if status != 101:
            length = min(int(headers.get("content-length", self._MAX_MESSAGE)), self._MAX_MESSAGE)
            chunked = headers.get("transfer-encoding", "").lower() == "chunked"
            raise _problem(status, _chunks(self._reader, self._MAX_MESSAGE) if chunked else self._reader.read(length))
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        if headers.get("sec-websocket-accept") != base64.b64encode(digest).decode():
            raise ConnectionError("what answers is no WebSocket server")

    def send(self, opcode: int, data: bytes) -> None:
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
        mask = os.urandom(4)
        # As whole numbers: a loop over bytes takes a hundred times as long.
        masks = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        masked = (int.from_bytes(data, "big") ^ masks).to_bytes(size, "big")
        with self._writing:
            self._socket.sendall(head + mask + masked)

    def receive(self) -> Tuple[int, bytes]:
        """The next message: text or binary, and its bytes. Raises OSError at the end, and for frames that RFC 6455 forbids."""
        kind, parts, size = _CONTINUATION, [], 0
        while True:
            last, opcode, data = self._frame(self._MAX_MESSAGE - size)
            if opcode == _CLOSE:
                raise ConnectionError("closed by the API")
            if opcode == _PING:
                self.send(_PONG, data)
            if opcode >= _CLOSE:
                continue
            if (opcode == _CONTINUATION) != (kind != _CONTINUATION):
                raise ConnectionError("a message begins within another, or goes on without a beginning")
            kind = kind or opcode
            parts.append(data)
            size += len(data)
            if last:
                return kind, b"".join(parts)

    def _frame(self, most: int) -> Tuple[bool, int, bytes]:
        first, second = self._read(2)
        last, opcode, size = bool(first & 0x80), first & 0x0F, second & 0x7F
        if first & 0x70 or second & 0x80 or opcode not in (0, 1, 2, 8, 9, 10):
            raise ConnectionError("a frame that no server sends")
        if opcode >= _CLOSE and (size > 125 or not last):
            raise ConnectionError("a control frame is too long, or in parts")
        if size == 126:
            (size,) = struct.unpack("!H", self._read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._read(8))
        if size > most and opcode < _CLOSE:
            raise ConnectionError(f"a message of more than {self._MAX_MESSAGE} bytes")
        return last, opcode, self._read(size)

    def _read(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) < size:
            raise ConnectionError("the connection was closed")
        return data

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.send(_CLOSE, struct.pack("!H", 1000))
        # Wakes the thread that reads; it may be this one.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class _Tries:
    """Pauses between tries: longer after each that brought nothing, with jitter."""

    def __init__(self) -> None:
        self._count = 0

    def succeeded(self) -> None:
        self._count = 0

    def failed(self, error: Exception) -> None:
        """Waits before the next try. Raises an error that it would meet again."""
        if isinstance(error, ApiProblem) and error.status not in _PASSING:
            raise error
        if isinstance(error, ApiProblem):
            time.sleep(float(error.problem.get("retryAfter") or 0))
        self.pause()

    def pause(self) -> None:
        if self._count > 0:
            most = min(5.0, 0.25 * 2**self._count)
            time.sleep(random.uniform(most / 2, most))
        self._count += 1


def _lines(response: Any) -> Iterator[bytes]:
    """Whole lines as they come. `readline` of a response takes a connection that broke between two chunks for a proper end; `read1` raises."""
    rest = b""
    while True:
        chunk = response.read1(65536)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _chunks(reader: Any, most: int) -> bytes:
    body = b""
    while len(body) < most:
        size = int(reader.readline(1024).split(b";")[0] or b"0", 16)
        if size <= 0:
            break
        body += reader.read(min(size, most))
        reader.readline(1024)
    return body


def _problem(status: int, body: bytes) -> ApiProblem:
    try:
        problem = json.loads(body)
        if isinstance(problem, dict) and "code" in problem:
            return ApiProblem(problem)
    except ValueError:
        pass
    # A proxy or a firewall answers in its own words.
    return ApiProblem({"status": status, "code": "unknown", "detail": f"HTTP {status}"})


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise ValueError("the API answered something that is no object")
    return value


def _path(*parts: str) -> str:
    first, *rest = parts
    return "/".join([first, *(urllib.parse.quote(part, safe="") for part in rest)])


def _absolute(since: Optional[str]) -> Optional[str]:
    """A span back from now as RFC 3339: after a broken connection the same span would begin elsewhere."""
    found = re.fullmatch(r"(\d+)([smhd])", since or "")
    if not found:
        return since
    seconds = int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)
    return moment.isoformat().replace("+00:00", "Z")
