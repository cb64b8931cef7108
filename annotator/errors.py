"""What a verb raises when it refuses: a stable code, a sentence for people, and details for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from annotator.said import Said, here


class Detail(TypedDict, total=False):
    """One thing that is wrong: where (a line of a file, its place in an array, a field) and why; how many rows have it,
    and the first of them."""

    line: int
    item: int
    field: str
    reason: str
    rows: int
    lines: list[int]


class Refusal(Exception):
    """Base of all refusals. Nothing was changed."""

    status = 400

    def __init__(self, code: str, message: str, details: Sequence[Detail] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = list(details)

    @property
    def said(self) -> str:
        """The sentence in the reader's language, for pages."""
        reasons = [detail.get("reason", "") for detail in self.details]
        if any(isinstance(reason, Said) for reason in reasons):
            return "; ".join(map(here, reasons))
        return here(self.message)

    def faults(self, otherwise: str) -> dict[str, str]:
        """What is wrong with each field, in the reader's language; ``otherwise``: what is wrong with none."""
        found = {detail.get("field", otherwise): here(detail.get("reason", "")) for detail in self.details}
        return found or {otherwise: self.said}


class Invalid(Refusal):
    """What was sent breaks a rule."""

    status = 422


class Conflict(Refusal):
    """What was sent no longer fits the state; ``current`` is that state, for the caller to go on from."""

    status = 409

    def __init__(self, code: str, message: str, current: object = None) -> None:
        super().__init__(code, message)
        self.current = current


class Deleted(Refusal):
    """The document that is asked for was here once."""

    status = 410

    def __init__(self) -> None:
        super().__init__("document_deleted", Said("This document was deleted."))


class Unavailable(Refusal):
    """A service that this needs does not answer just now; trying again may help."""

    status = 503
