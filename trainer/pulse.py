"""Proof that work gets done: what each worker's parent says of it in Redis, and when it gives itself up.

A process that lives need not hear: its connection may be gone, its books may be wrong, its child may be frozen. So a
worker's parent watches whether its child begins with what waits. One that does not for half a minute is deaf, says so,
and ends; whoever started it starts it again. While Redis is away nobody is deaf, and a task may last as long as its
child lives and gets on: one whose thread has not moved for ten minutes, while nothing is computed for it either, hangs.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread, main_thread
from typing import NoReturn

import billiard
import orjson
import redis
import structlog
from celery.worker import state as celery_state
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from trainer.queues import DEAF_STATUS, SERVED

log = structlog.get_logger(__name__)

WORKERS = (*SERVED, "beat")
PULSE_SECONDS = 2.0
PULSE_KEY = "marginalia:worker:{}"
STALLED_SECONDS = 10.0  # work has waited for so long while none was begun: told by /readyz and the pages
DEAF_SECONDS = 30.0  # for so long: the worker ends
STARTING_SECONDS = 180.0  # a new child imports TensorFlow, on a machine that may have much else to do
FROZEN_SECONDS = 120.0  # a child that is at work but shows no sign of life
HANGS_SECONDS = 600.0  # one that does, but in which nothing moves; longer than any lock of the database is waited for
COMPUTES = 0.05  # of a processor: what threads beside the task's need to do for it


class Work:
    """What a worker's child does, in memory that it shares with its parent: nothing on the way can be lost or hang."""

    LAYOUT = struct.Struct("ddddd")  # process, last sign of life, tasks begun, busy since (0: idle), when it last moved

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)

    def ready(self) -> None:
        """In the child: it can take tasks, and shows from now on that it lives."""
        self._write(os.getpid(), time.monotonic(), self._read()[2], 0)
        Thread(target=self._live, name="sign of life", daemon=True).start()

    def begin(self) -> None:
        """A task begins."""
        process, _, begun, _, _ = self._read()
        self._write(process, time.monotonic(), begun + 1, time.monotonic())

    def end(self) -> None:
        process, _, begun, _, _ = self._read()
        self._write(process, time.monotonic(), begun, 0)

    @property
    def begun(self) -> int:
        return int(self._read()[2])

    @property
    def starting(self) -> bool:
        """Whether there is no child that could take a task."""
        return not _lives(int(self._read()[0]))

    @property
    def busy(self) -> bool:
        """Whether the child is at a task, and lives."""
        process, alive_at, _, since, _ = self._read()
        return bool(since) and _lives(int(process)) and time.monotonic() - alive_at < FROZEN_SECONDS

    @property
    def moved_at(self) -> float:
        """When the child was last seen to get on."""
        return self._read()[4]

    @property
    def hangs(self) -> bool:
        """Whether the child is at a task in which nothing moves any more."""
        return self.busy and time.monotonic() - self.moved_at > HANGS_SECONDS

    def _live(self) -> None:
        seen = _used()
        while True:
            time.sleep(PULSE_SECONDS)
            struct.pack_into("d", self._memory, 8, time.monotonic())
            used = _used()
            if used[0] > seen[0] or used[1] - seen[1] > COMPUTES * PULSE_SECONDS:
                struct.pack_into("d", self._memory, 32, time.monotonic())
            seen = used

    def _read(self) -> tuple[float, float, float, float, float]:
        process, alive_at, begun, since, moved_at = self.LAYOUT.unpack_from(self._memory)
        return process, alive_at, begun, since, moved_at

    def _write(self, process: float, alive_at: float, begun: float, since: float) -> None:
        self.LAYOUT.pack_into(self._memory, 0, process, alive_at, begun, since, time.monotonic())


work = Work()


@dataclass
class Hearing:
    """For how long work has waited while none was begun."""

    begun: int = 0
    since: float = field(default_factory=time.monotonic)

    def silent(self, now: float, *, waits: bool, begun: int, busy: bool) -> float:
        """Seconds, as of now. ``waits`` is false, too, while Redis does not answer: nobody can be blamed then."""
        if not waits or busy or begun != self.begun:
            self.begun, self.since = begun, now
        return now - self.since


class Pulse(Thread):
    """In a worker's parent, or in the beat: renews a key in Redis, and ends the process when it is deaf."""

    def __init__(self, name: str, queues: tuple[str, ...] = ()) -> None:
        super().__init__(name=f"pulse of {name}", daemon=True)
        self.worker, self.queues = name, queues
        self.hearing = Hearing()
        self.over = Event()
        self.redis = _client()

    def run(self) -> None:
        while not self.over.wait(PULSE_SECONDS):
            with suppress(FileNotFoundError, KeyError):
                os.utime(Path(os.environ["READY_FILE"]))
            silent = self.hearing.silent(time.monotonic(), waits=self.waits(), begun=work.begun, busy=self.busy())
            starting = bool(self.queues) and work.starting
            if self.queues and work.hangs:
                self.give_up("worker_hangs", HANGS_SECONDS)
            if silent > (STARTING_SECONDS if starting else DEAF_SECONDS):
                self.give_up("worker_is_deaf", silent)
            told = {"pid": os.getpid(), "begun": work.begun, "stalled": silent > STALLED_SECONDS and not starting}
            with suppress(redis.RedisError):
                self.redis.set(PULSE_KEY.format(self.worker), orjson.dumps(told), ex=int(PULSE_SECONDS * 3))

    def waits(self) -> bool:
        """Whether there is something to begin with, as far as Redis says."""
        try:
            if not self.queues:  # the beat always has something to send
                return bool(self.redis.ping())
            with self.redis.pipeline(transaction=False) as pipe:
                for queue in self.queues:
                    pipe.llen(queue)
                lengths = pipe.execute()
        except redis.RedisError:
            return False
        in_hand = len(celery_state.reserved_requests) > len(celery_state.active_requests)
        return in_hand or any(lengths)

    def busy(self) -> bool:
        return bool(self.queues) and work.busy

    def give_up(self, why: str, seconds: float) -> NoReturn:
        """End at once and without ceremony: what would have to take part in an orderly end does not hear."""
        log.critical(why, worker=self.worker, seconds=round(seconds), begun=work.begun, ends=True)
        for child in billiard.active_children():
            if child.pid:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
        os._exit(DEAF_STATUS)


def workers(client: redis.Redis | None = None) -> dict[str, bool]:
    """Which workers do their work. Raises RedisError where Redis does not answer."""
    if client is None:
        with _client() as own:
            return workers(own)
    pulses = client.mget([PULSE_KEY.format(name) for name in WORKERS])
    return {name: pulse is not None and _works(pulse) for name, pulse in zip(WORKERS, pulses, strict=True)}


def _works(pulse: bytes | str) -> bool:
    told = orjson.loads(pulse)
    # A worker of before 0.4 says its process number alone.
    return not told["stalled"] if isinstance(told, dict) else True


def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2, retry=Retry(NoBackoff(), 0)
    )


def _used() -> tuple[float, float]:
    """Processor time of the thread that works on tasks, and of the whole process. Where one cannot tell the threads
    apart, the first of them always moves."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.monotonic(), 0.0
    clock = time.pthread_getcpuclockid(main_thread().ident or 0)
    return time.clock_gettime(clock), time.process_time()


def _lives(process: int) -> bool:
    if not process:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
