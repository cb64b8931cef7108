"""Is this process alive, and is the install ready? For launchers, load balancers and whoever is woken at night."""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from annotator import disk
from trainer import pulse, queues


def healthz(_request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "alive"})


def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when PostgreSQL (migrated) and Redis answer and the disk is not full; workers are told.

    People annotate without workers, and go on on a disk that is nearly full. A worker counts that does its work: one
    that lives and leaves waiting what it should begin with does not.
    """
    checks = {"database": _database(), "redis": "ok"}
    room = disk.state()
    seen, waiting = dict.fromkeys(pulse.WORKERS, False), {}
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2) as client:
            seen, waiting = pulse.workers(client), queues.waiting(client)
    except redis.RedisError as error:
        checks["redis"] = type(error).__name__
    ready = all(state == "ok" for state in checks.values()) and room != disk.FULL
    told = {name: {"waiting": queue.count, "oldest_seconds": queue.seconds} for name, queue in waiting.items()}
    space = {"disk": room, "disk_free_bytes": disk.free()}
    answer = {"ready": ready, **checks, **space, "workers": seen, "queues": told}
    return JsonResponse(answer, status=200 if ready else 503)


def _database() -> str:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        unknown = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
    except Error as error:
        return type(error).__name__
    if unknown:
        return f"newer than this code: {len(unknown)} migrations unknown"
    return f"{len(missing)} migrations missing" if missing else "ok"
