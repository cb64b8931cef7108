"""Ask the suggest worker from a web process, which itself never loads a model."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from threading import BoundedSemaphore
from typing import Any

import orjson
import redis
from django.conf import settings

from annotator import suggestions
from annotator.errors import Invalid, Unavailable
from annotator.models import Document, Project
from annotator.spans import Schema
from annotator.tenancy import current_tenant
from trainer import pulse, runs
from trainer.celery import send, send_once_committed
from trainer.models import ModelVersion

TIMEOUT = 10.0  # seconds until a caller is told that no answer came
_client: redis.Redis | None = None
_waiters = BoundedSemaphore(settings.SUGGEST_WAITERS)


def broker() -> redis.Redis:
    """This process's connections to Redis."""
    global _client  # noqa: PLW0603 - one pool a process
    if _client is None:
        # Longer than anybody waits for an answer, so that a slow worker is not taken for a silent Redis.
        _client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=TIMEOUT + 1)
    return _client


def suggest(
    project: Project, texts: Sequence[str], *, timeout: float = TIMEOUT
) -> tuple[ModelVersion, list[dict[str, Any]]]:
    """The live version's answers for these texts.

    Raises Invalid when the project has no live version, Unavailable when no worker answers in time, or when as many
    threads wait for one as may.
    """
    version = runs.live_version(project)
    if version is None:
        raise Invalid("no_model", "This project has no model yet: label some documents first.")
    if not _waiters.acquire(blocking=False):
        raise Unavailable("suggestions_unavailable", "Too many wait for suggestions already.")
    try:
        answer = _ask(version, texts, timeout)
    except redis.RedisError as error:
        raise Unavailable("suggestions_unavailable", "Redis does not answer.") from error
    finally:
        _waiters.release()
    if "error" in answer:
        raise Unavailable("suggestions_unavailable", answer["error"])
    schema = Schema.of(project)
    return version, [dict(suggestions.current(found, schema)) for found in answer["answers"]]


def _ask(version: ModelVersion, texts: Sequence[str], timeout: float) -> dict[str, Any]:
    reply_to = f"marginalia:reply:{secrets.token_hex(16)}"
    if not pulse.workers(broker())["suggest"]:
        raise Unavailable("suggestions_unavailable", "No suggest worker is running.")
    if not send("predict", current_tenant().pk, version.pk, list(texts), reply_to, expires=timeout):
        raise Unavailable("suggestions_unavailable", "Too many wait for suggestions already.")
    reply = broker().blpop([reply_to], timeout=timeout)
    if reply is None:
        raise Unavailable("suggestions_unavailable", f"No answer came within {timeout:g} seconds.")
    answer: dict[str, Any] = orjson.loads(reply[1])
    return answer


def reply(reply_to: str, message: dict[str, Any]) -> None:
    """The worker's side: hand the answer over; it is forgotten if nobody fetches it."""
    with broker().pipeline() as pipe:
        pipe.rpush(reply_to, orjson.dumps(message))
        pipe.expire(reply_to, 30)
        pipe.execute()


def want(document: Document) -> None:
    """Ask for a document's suggestions without waiting; asking again before a worker begins does nothing."""
    send_once_committed("suggest", current_tenant().pk, document.project_id, [document.pk])
