"""A gunicorn worker that no slow client holds up: a thread gets a connection once its request has come.

gunicorn's threads read from the network themselves, and its main loop waits for clients to hang up, so a few that
send half a line, or never hang up, would stop the service for everybody. Here the main loop collects requests
without waiting for any of them: the head, and a body of up to ``COLLECTED`` bytes. Only a longer body is read by a
thread, when the application wants it, and the thread gives up on a client that is silent for long.
"""

from __future__ import annotations

import re
import selectors
import socket
import struct
import time
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

COLLECTED = 256 * 1024
MOST_HEAD = 64 * 1024
REQUEST_SECONDS = 20.0  # from the first byte that is waited for to the last one that is collected
STALL_SECONDS = 15  # a thread waits so long for each piece of a long body, or for room to send
LINGER_SECONDS, MOST_LINGERED = 2.0, 256 * 1024
DRAIN_SECONDS = 0.05

TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect[ \t]*:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


class Connection(TConn):  # type: ignore[misc]
    """A connection and what has come of its next request."""

    def __init__(self, worker: Worker, sock: socket.socket, client: Any) -> None:
        super().__init__(worker.cfg, sock, client, sock.getsockname())
        self.worker = worker
        self.begin(b"")

    def begin(self, data: bytes) -> None:
        """Another request; of it, this is here already."""
        self.received = bytearray()
        self.wanted = 0  # bytes until it is whole, known when its head is
        self.take(data)

    def take(self, data: bytes) -> None:
        searched = max(len(self.received) - 3, 0)
        self.received += data
        if not self.wanted and (end := self.received.find(b"\r\n\r\n", searched)) >= 0:
            self.wanted = self._measure(bytes(self.received[: end + 4]))

    @property
    def is_whole(self) -> bool:
        """Whether all has come that is collected."""
        return 0 < self.wanted <= len(self.received)

    @property
    def is_too_long(self) -> bool:
        return not self.wanted and len(self.received) > MOST_HEAD

    def _measure(self, head: bytes) -> int:
        """How much is collected. A longer body is not: who may send one, and how long, the application knows."""
        announced = _LENGTH.search(head)
        length = int(announced[1]) if announced else 0
        if length > COLLECTED:
            return len(head)
        if _EXPECT.search(head):
            _send(self.sock, b"HTTP/1.1 100 Continue\r\n\r\n")
        return len(head) + length

    def hand_over(self) -> None:
        """Make the parser begin with what was collected."""
        self.init()
        self.parser.unreader.unread(bytes(self.received))
        self.received.clear()
        self.data_ready = True

    def close(self, graceful: bool = False) -> None:
        if graceful:
            self.worker.linger(self)
        else:
            super().close()


class Worker(ThreadWorker):  # type: ignore[misc]
    """The main loop collects and lingers; threads serve."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.lingering: dict[Connection, int] = {}

    def accept(self, listener: Any) -> None:
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        # The kernel's own limits, because gunicorn sets Python's time-outs as it goes.
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", STALL_SECONDS, 0))
        self.nr_conns += 1
        self.enqueue_req(Connection(self, sock, client))

    def enqueue_req(self, conn: Connection) -> None:
        """Called for each new connection, and for one that is to bring another request."""
        conn.begin(conn.parser.unreader.take_buffered() if conn.initialized else b"")
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + REQUEST_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))
        if conn.is_whole:
            self._serve(conn)
        else:
            self.on_pending_socket_readable(conn, conn.sock)  # most often it is here already

    def on_pending_socket_readable(self, conn: Connection, _client: Any) -> None:
        data = _received(conn.sock)
        if data is None:
            return
        conn.take(data)
        if conn.is_too_long:
            _send(conn.sock, TOO_LONG)
            self._forget(conn)
            self.nr_conns -= 1
            self.linger(conn)
        elif conn.is_whole or (conn.received and not data):
            self._serve(conn)  # of one that was cut off, the parser says what is wrong
        elif not data:
            self._drop(conn)

    def murder_pending(self) -> None:
        """Drop whoever took too long, and once we stop, also who has said nothing yet."""
        now = time.monotonic()
        for conn in tuple(self.pending_conns):
            if conn.timeout <= now or not (self.alive or conn.received):
                self._drop(conn)
        for conn in tuple(self.lingering):
            if conn.timeout <= now:
                self._end(conn)

    def linger(self, conn: Connection) -> None:
        """Say that no more comes, and read on until the other side hangs up: else it could lose our answer."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_lingering, conn))
        except (OSError, ValueError, KeyError):
            TConn.close(conn)
            return
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self.nr_conns += 1
        self.lingering[conn] = 0

    def _on_lingering(self, conn: Connection, _client: Any) -> None:
        data = _received(conn.sock)
        if data is None:
            return
        self.lingering[conn] += len(data)
        if not data or self.lingering[conn] > MOST_LINGERED:
            self._end(conn)

    def _end(self, conn: Connection) -> None:
        del self.lingering[conn]
        self.nr_conns -= 1
        self.poller.unregister(conn.sock)
        TConn.close(conn)

    def _serve(self, conn: Connection) -> None:
        self._forget(conn)
        conn.hand_over()
        super().enqueue_req(conn)

    def _forget(self, conn: Connection) -> None:
        self.pending_conns.remove(conn)
        self.poller.unregister(conn.sock)

    def _drop(self, conn: Connection) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """A body that was collected is gone in no time; nobody waits for one that the application did not want."""
        return keepalive and bool(conn.parser.finish_body(deadline=time.monotonic() + DRAIN_SECONDS))


def _received(sock: socket.socket) -> bytes | None:
    """What has come; nothing at the end of the connection, None if it was a false alarm."""
    try:
        return sock.recv(64 * 1024)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _send(sock: socket.socket, data: bytes) -> None:
    """A few bytes, which the kernel has room for; whoever is gone does not need them."""
    with suppress(OSError):
        sock.send(data)
