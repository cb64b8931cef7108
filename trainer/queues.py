"""Which task waits in which queue, which worker serves which, and how much waits there.

Three urgencies: what repairs (maintenance), answers that somebody waits for (suggest), and what only makes later
answers quicker (refresh, then rank). The first has a worker of its own, without TensorFlow; the others share one, which
takes from the first of its queues that holds anything. So does the worker that trains: rehearsals come after runs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import redis

QUEUES = ("train", "rehearse", "suggest", "refresh", "rank", "io", "maintenance")
TRAIN, REHEARSE, SUGGEST, REFRESH, RANK, IO, MAINTENANCE = QUEUES

# By worker, the most urgent queue first.
SERVED: Mapping[str, tuple[str, ...]] = {
    "train": (TRAIN, REHEARSE),
    "suggest": (SUGGEST, REFRESH, RANK),
    "io": (IO,),
    "maintenance": (MAINTENANCE,),
}

BY_TASK: Mapping[str, str] = {
    "train": TRAIN,
    "rehearse": REHEARSE,
    "predict": SUGGEST,
    "suggest": SUGGEST,
    "refresh": REFRESH,
    "rank": RANK,
    "run_import": IO,
    "run_export": IO,
    "run_delete": IO,
    "sweep": MAINTENANCE,
    "look_after": MAINTENANCE,
    "consider": MAINTENANCE,
}

# No queue grows beyond this: whatever is not sent is found by the sweep, and done then.
MOST_WAITING = 1_000
SENT_AT = "sent_at"  # a header of each message
DEAF_STATUS = 75  # with which a worker ends that leaves work waiting; EX_TEMPFAIL


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages a queue holds, and for how long the oldest has been there."""

    count: int
    seconds: float


def overtaken(client: redis.Redis, queue: str) -> bool:
    """Whether anything waits that the worker of this queue does before it."""
    served = next(those for those in SERVED.values() if queue in those)
    with client.pipeline(transaction=False) as pipe:
        for before in served[: served.index(queue)]:
            pipe.llen(before)
        return any(pipe.execute())


def waiting(client: redis.Redis) -> dict[str, Waiting]:
    """What waits in each queue. Raises RedisError where Redis does not answer."""
    with client.pipeline(transaction=False) as pipe:
        for queue in QUEUES:
            pipe.llen(queue)
            pipe.lindex(queue, -1)  # messages come in at the head
        told = pipe.execute()
    now = time.time()
    return {
        queue: Waiting(count, round(max(0.0, now - sent_at(oldest, now)), 1))
        for queue, count, oldest in zip(QUEUES, told[::2], told[1::2], strict=True)
    }


def sent_at(message: bytes | None, now: float) -> float:
    """When a message was sent; where there is none, or it is from before messages said so, that is now."""
    if message is None:
        return now
    headers: dict[str, Any] = orjson.loads(message).get("headers") or {}
    return float(headers.get(SENT_AT) or now)
