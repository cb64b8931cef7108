"""The messages that wait for workers, and signs that workers live, in the real Redis."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest


@pytest.fixture
def sent() -> Iterator[Callable[[], list[tuple[Any, ...]]]]:
    """What was sent to workers since the test began, in the order of the queues, each with its arguments."""
    from trainer import celery, queues

    def clear() -> None:
        celery.client().delete(*queues.QUEUES)

    def messages() -> list[tuple[Any, ...]]:
        waiting = [raw for queue in queues.QUEUES for raw in reversed(celery.client().lrange(queue, 0, -1))]
        return [_told(orjson.loads(raw)) for raw in waiting]

    clear()
    yield messages
    clear()


def _told(message: dict[str, Any]) -> tuple[Any, ...]:
    arguments, _, _ = orjson.loads(base64.b64decode(message["body"]))
    return (message["headers"]["task"].rpartition(".")[2], *arguments)


@pytest.fixture
def lives() -> Iterator[Callable[..., None]]:
    """Leaves a worker's sign of life: it does its work, or it is stalled."""
    from trainer import celery, pulse

    def leave(worker: str, *, stalled: bool = False) -> None:
        told = {"pid": 1, "begun": 1, "stalled": stalled}
        celery.client().set(pulse.PULSE_KEY.format(worker), orjson.dumps(told))

    yield leave
    celery.client().delete(*(pulse.PULSE_KEY.format(worker) for worker in pulse.WORKERS))
