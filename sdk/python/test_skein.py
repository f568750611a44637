"""Tests of skein.py against the API that SKEIN_API and SKEIN_TOKEN name (it needs no nodes), and against frames made by hand.

    python3 -m unittest test_skein
"""

import base64
import hashlib
import os
import socket
import struct
import tempfile
import threading
import time
import unittest
import unittest.mock
import uuid

import skein

API = os.environ["SKEIN_API"]
TOKEN = os.environ["SKEIN_TOKEN"]


class Sessions(unittest.TestCase):
    def setUp(self) -> None:
        self.skein = skein.Skein(API, TOKEN)
        self.name = f"py-{uuid.uuid4().hex[:12]}"

    def create(self) -> skein.Json:
        return self.skein.create_session({"name": self.name, "image": "debian:12"})

    def test_are_created_listed_and_ended(self) -> None:
        made = self.create()
        self.assertEqual(self.skein.session(self.name)["id"], made["id"])
        self.assertIn(made["id"], [each["id"] for each in self.skein.sessions("pending")])
        self.skein.end_session(self.name)
        self.assertEqual(self.skein.wait(made["id"], "ended", timeout=10)["status"], "terminated")
        seen = [each["status"] for each in self.skein.events(made["id"]) if each["event"] == "session"]
        self.assertEqual((seen[0], seen[-1]), ("pending", "terminated"))

    def test_are_made_once_with_one_key(self) -> None:
        request = {"name": self.name, "image": "debian:12"}
        made = [self.skein.create_session(request, idempotency_key=self.name)["id"] for _ in range(2)]
        self.assertEqual(made[0], made[1])

    def test_are_waited_for_until_a_time(self) -> None:
        self.create()
        began = time.monotonic()
        with self.assertRaises(TimeoutError):
            self.skein.wait(self.name, "running", timeout=0.5)
        self.assertLess(time.monotonic() - began, 10)

    def test_that_end_while_they_are_waited_for_say_so(self) -> None:
        made = self.create()
        timer = threading.Timer(0.3, lambda: self.skein.end_session(made["id"]))
        timer.start()
        with self.assertRaises(skein.SessionEnded) as raised:
            self.skein.wait(made["id"], "running", timeout=10)
        self.assertEqual(raised.exception.session["status"], "terminated")

    def test_that_do_not_run_cannot_be_entered(self) -> None:
        self.create()
        for enter in (lambda: self.skein.run(self.name, ["true"]), lambda: self.skein.connect(self.name, 80)):
            with self.assertRaises(skein.ApiProblem) as raised:
                enter()
            self.assertEqual((raised.exception.status, raised.exception.code), (409, "not_running"))

    def test_are_refused_with_all_bad_fields(self) -> None:
        with self.assertRaises(skein.ApiProblem) as raised:
            self.skein.create_session({"image": "UPPER CASE", "clusterSize": 0})
        self.assertEqual([each["field"] for each in raised.exception.problem["errors"]], ["clusterSize", "image"])

    def test_need_a_token(self) -> None:
        with self.assertRaises(skein.ApiProblem) as raised:
            skein.Skein(API, "wrong").session("any")
        self.assertEqual(raised.exception.code, "unauthorized")

    def test_an_api_that_is_away_is_an_os_error(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        with self.assertRaises(OSError):
            skein.Skein(f"http://127.0.0.1:{port}").session("any")


class Frames(unittest.TestCase):
    """A WebSocket whose other side is this test."""

    def setUp(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        accepted = threading.Thread(target=self.accept, args=(listener,))
        accepted.start()
        port = listener.getsockname()[1]
        self.client = skein._WebSocket(f"http://127.0.0.1:{port}", "/x", "secret")
        accepted.join()
        self.addCleanup(self.server.close)
        self.addCleanup(self.client._reader.close)
        self.addCleanup(self.client.close)

    def accept(self, listener: socket.socket) -> None:
        self.server, _ = listener.accept()
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.server.recv(4096)
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
        self.assertEqual(lines["Authorization"], "Bearer secret")
        digest = hashlib.sha1((lines["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode())
        accept = base64.b64encode(digest.digest()).decode()
        # The first frame comes with the headers, as it may.
        self.server.sendall(f"HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode() + b"\x81\x05first")

    def test_a_frame_may_come_with_the_handshake(self) -> None:
        self.assertEqual(self.client.receive(), (1, b"first"))

    def test_messages_may_come_in_parts_with_pings_between(self) -> None:
        self.client.receive()
        self.server.sendall(b"\x02\x02ab" + b"\x89\x01p" + b"\x00\x02cd" + b"\x80\x00")
        self.assertEqual(self.client.receive(), (2, b"abcd"))
        pong = self.server.recv(100)
        self.assertEqual((pong[0], pong[1], pong[6] ^ pong[2]), (0x8A, 0x81, ord("p")))

    def test_all_lengths_are_sent_masked_and_read(self) -> None:
        self.client.receive()
        for size in (0, 1, 125, 126, 65535, 65537):
            data = os.urandom(size)
            self.client.send(2, data)
            head = self.exactly(2)
            self.assertEqual((head[0], head[1] & 0x80), (0x82, 0x80))
            length = head[1] & 0x7F
            if length > 125:
                length = int.from_bytes(self.exactly(2 if length == 126 else 8), "big")
            mask, masked = self.exactly(4), self.exactly(length)
            self.assertEqual(bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked)), data)
            long = struct.pack("!BBQ", 0x82, 127, size) + data
            self.server.sendall(long)
            self.assertEqual(self.client.receive(), (2, data))

    def exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += self.server.recv(size - len(data))
        return data

    def test_what_the_protocol_forbids_ends_it(self) -> None:
        for frames in (
            b"\x81\x81mask!",  # masked by the server
            b"\xc1\x00",  # a reserved bit
            b"\x83\x00",  # an unknown kind
            b"\x80\x00",  # goes on with nothing
            b"\x01\x01a\x81\x01b",  # begins within another
            b"\x89\x7e\x00\x7e" + b"a" * 126,  # a ping that is too long
            b"\x09\x00",  # a ping in parts
            struct.pack("!BBQ", 0x82, 127, 2**40),  # without end
            b"\x02\x7f" + struct.pack("!Q", 2**20) + b"a" * 2**20 + b"\x80\x01b",  # too much in parts
        ):
            with self.subTest(frames[:12]):
                self.doCleanups()
                self.setUp()
                self.client.receive()
                self.server.sendall(frames)
                with self.assertRaises(ConnectionError):
                    self.client.receive()

    def test_a_connection_that_breaks_ends_a_stream_and_says_so(self) -> None:
        stream = skein.Stream(self.client, {"type": "start", "command": ["true"]})
        self.server.close()
        self.assertEqual(list(stream.output()), [])
        self.assertEqual(stream.result(timeout=10).code, "connection_lost")


class Answers(unittest.TestCase):
    """Answers of an API that is this test."""

    def serve(self, *answers: str) -> skein.Skein:
        """Each text is all that one connection gets. `self.asked` has the paths that were asked for."""
        self.asked = []
        listener = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    self.asked.append(connection.recv(4096).split(b" ")[1].decode())
                    connection.sendall(answer.encode())

        server = threading.Thread(target=serve)
        server.start()
        self.addCleanup(listener.close)
        self.addCleanup(server.join)
        return skein.Skein(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def test_lists_go_on_over_their_pages(self) -> None:
        pages = ('{"items": [{"id": 1}, {"id": 2}], "nextCursor": "a+b"}', '{"items": [{"id": 3}], "nextCursor": null}')
        api = self.serve(*(f"HTTP/1.1 200 OK\r\nContent-Length: {len(page)}\r\n\r\n{page}" for page in pages))
        self.assertEqual([each["id"] for each in api.sessions("running")], [1, 2, 3])
        self.assertEqual(
            self.asked,
            ["/v1/sessions?limit=200&status=running", "/v1/sessions?limit=200&cursor=a%2Bb&status=running"],
        )

    def test_a_list_takes_several_statuses(self) -> None:
        api = self.serve('HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n{"items": [], "nextCursor": null}')
        self.assertEqual(list(api.sessions(["pending", "running"])), [])
        self.assertEqual(self.asked, ["/v1/sessions?limit=200&status=pending&status=running"])

    def test_output_that_breaks_off_between_chunks_is_asked_for_again_behind_its_last_line(self) -> None:
        line = '{"host": "main1", "stream": "stdout", "time": "2026-01-01T00:00:00.%sZ", "text": "%s"}\n'
        first, both = line % (1, "a"), line % (1, "a") + line % (2, "b")
        head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        api = self.serve(
            f"{head}{len(first):x}\r\n{first}\r\n",
            f"{head}{len(both):x}\r\n{both}\r\n0\r\n\r\n",
        )
        self.assertEqual([each["text"] for each in api.logs("x", host="main1", tail=5)], ["a", "b"])
        self.assertEqual(
            self.asked,
            ["/v1/sessions/x/logs?host=main1&tail=5", "/v1/sessions/x/logs?host=main1&since=2026-01-01T00%3A00%3A00.1Z"],
        )

    def test_a_session_that_waits_for_its_start_is_ready(self) -> None:
        waiting = '{"id": "ses_1", "name": "x", "status": "starting", "reason": "waits for start"}'
        api = self.serve(f"HTTP/1.1 200 OK\r\nContent-Length: {len(waiting)}\r\n\r\n{waiting}")
        self.assertEqual(api.wait("x", "ready", timeout=5)["status"], "starting")

    def test_a_file_that_cannot_be_read_is_the_error_of_an_upload(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            with self.assertRaises(FileNotFoundError):
                skein.Skein("http://127.0.0.1:1").upload("x", os.path.join(directory, "none"))
            os.symlink("/", os.path.join(directory, "link"))
            # It is there, and gone when its turn comes.
            with unittest.mock.patch("os.listdir", return_value=["link", "gone"]):
                with self.assertRaises(FileNotFoundError):
                    self.serve("HTTP/1.1 204 No\r\n\r\n").upload("x", directory)

    def test_an_answer_that_is_no_problem_is_one_with_its_status(self) -> None:
        with self.assertRaises(skein.ApiProblem) as raised:
            self.serve("HTTP/1.1 407 Proxy\r\nContent-Length: 4\r\n\r\n<no>").session("x")
        self.assertEqual((raised.exception.status, raised.exception.code), (407, "unknown"))


if __name__ == "__main__":
    unittest.main()
