"""The web server among slow, silent and stubborn clients: everybody else is answered at once."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.install import ROOT, _free_port, eventually

CLIENTS = 12  # many more than threads
HELLO = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


def echo(environ, start_response):
    """The application of these tests: it tells the size and the hash of a body, unless asked not to read it."""
    if environ["PATH_INFO"] == "/unread":
        told = b"not read"
    else:
        body = environ["wsgi.input"].read()
        told = f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(told)))])
    return [told]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    number = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "python:web.gunicorn", f"{__name__}:echo"],
        cwd=ROOT,
        env=os.environ | {"PORT": str(number), "WEB_WORKERS": "1", "WEB_THREADS": "2"},
    )

    def answers() -> bool:
        assert process.poll() is None
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", number)) == 0

    try:
        eventually("the server", answers, 30)
        yield number
    finally:
        process.terminate()
        process.wait(20)


def connect(port: int, data: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    client.sendall(data)
    return client


def ask(port: int, body: bytes | None = None, **headers: str) -> str:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    client.request("POST" if body is not None else "GET", "/", body, headers)
    return client.getresponse().read().decode()


def told(body: bytes) -> str:
    return f"{len(body)} {hashlib.sha256(body).hexdigest()}"


def read_response(client: socket.socket) -> bytes:
    response = http.client.HTTPResponse(client)
    response.begin()
    return response.read()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: he",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n{",
        b"POST /unread HTTP/1.1\r\nHost: here\r\nContent-Length: 10737418240\r\n\r\n",
        b"POST /unread HTTP/1.1\r\nHost: here\r\nContent-Length: 10737418240\r\n\r\n" + b"x" * 10_000,
        b"POST / HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        HELLO + b"GET / HT",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000,
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
    ids=[
        "says nothing", "stops in the head", "stops in the body", "promises 10 GB", "promises 10 GB and begins",
        "waits for leave and stops", "never hangs up", "stops in the second head", "has an endless head", "speaks TLS",
    ],
)  # fmt: skip
def test_one_who_is_slow_holds_up_nobody(port, sent):
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            stack.enter_context(connect(port, sent))
        began = time.monotonic()

        assert ask(port) == told(b"")

        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("size", [0, 1, 1000, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 3_000_000])
def test_a_body_arrives_whole(port, size):
    body = os.urandom(size)

    assert ask(port, body) == told(body)


def test_a_request_byte_by_byte(port):
    body = b"0123456789"
    with connect(port) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"POST / HTTP/1.1\r\nHost: here\r\ncontent-length:10\r\n\r\n" + body:
            client.sendall(bytes([byte]))

        assert read_response(client).decode() == told(body)


def test_requests_one_after_the_other_and_all_at_once(port):
    body = b"0123456789"
    with connect(port) as client:
        for _ in range(3):
            client.sendall(HELLO)
            assert read_response(client).decode() == told(b"")

    post = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n" + body
    with connect(port, post + HELLO + post + HELLO[:10]) as client:
        stream = client.makefile("rb")
        client.sendall(HELLO[10:])
        for expected in (body, b"", body, b""):
            assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
            while stream.readline() != b"\r\n":
                continue
            assert stream.read(len(told(expected))).decode() == told(expected)


def test_leave_to_send_a_body_is_given(port):
    head = b"POST / HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    with connect(port, head) as client:
        assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"hello")

        assert read_response(client).decode() == told(b"hello")


def test_an_endless_head_is_refused(port):
    with connect(port, b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000) as client:
        assert client.recv(12) == b"HTTP/1.1 431"


def test_a_body_that_was_refused_does_not_hide_the_answer(port):
    with connect(port, b"POST /unread HTTP/1.1\r\nHost: here\r\nContent-Length: 10737418240\r\n\r\n") as client:
        assert read_response(client) == b"not read"
        assert client.recv(1) == b""  # and it is over
