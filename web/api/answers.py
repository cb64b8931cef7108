"""How the API answers: JSON by orjson, and one shape for every error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from django.http import HttpResponse

from annotator.errors import Detail


def json(data: Any, status: int = 200) -> HttpResponse:
    """An answer that is sent as it is: built from our own rows, it need not be validated again."""
    return HttpResponse(orjson.dumps(data), status=status, content_type="application/json")


def error(status: int, code: str, message: str, details: Sequence[Detail] = (), **beside: Any) -> HttpResponse:
    """The one shape: a stable code for programs, a sentence for people, and what is wrong where."""
    told = {"code": code, "message": message, "details": list(details)}
    return json({"error": told, **beside}, status)


def not_found(message: str = "There is nothing here, or nothing that you may see.") -> HttpResponse:
    return error(404, "not_found", message)


def too_large(most: int) -> HttpResponse:
    return error(413, "too_large", f"The body may have at most {most:,} bytes.")


def disk_full() -> HttpResponse:
    """Nothing was changed; the desk keeps what was sent and sends it again, and so may others."""
    told = "The server's disk is full. Nothing was lost and nothing was changed: send it again when there is room."
    response = error(503, "disk_full", told)
    response.headers["Retry-After"] = "30"
    return response


def database_unavailable() -> HttpResponse:
    """Whether a commit on its way arrived is not known, but what is sent again with its submit_id counts once."""
    response = error(503, "database_unavailable", "The database does not answer just now. Send it again in a moment.")
    response.headers["Retry-After"] = "2"
    return response
