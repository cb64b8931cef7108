"""Which errors an operation can answer with, for OpenAPI."""

from __future__ import annotations

from typing import Any

from web.api.schemas import Error


def errors(*statuses: int) -> dict[Any, Any]:
    """These and the ones that any operation may answer with: 401, and 404 for a tenant that is not yours."""
    return dict.fromkeys({401, 404, *statuses}, Error)
