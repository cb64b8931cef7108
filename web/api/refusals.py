"""Which errors an operation can answer with, for OpenAPI."""

from __future__ import annotations

from typing import Any

from web.api.annotating_schemas import Conflict
from web.api.schemas import Error

# Broken, not signed in, not there (or not yours), deleted, too large, not valid, no database: any operation may say so.
ALWAYS = (400, 401, 404, 410, 413, 422, 503)


def errors(*statuses: int) -> dict[Any, Any]:
    """These statuses and the ones that any operation may answer with."""
    return {status: Conflict if status == 409 else Error for status in (*ALWAYS, *statuses)}
