"""The audit trail: one line for whatever changes who may do what, or what annotators see."""

from __future__ import annotations

from typing import Any

from annotator.models import AuditEvent, User


def record(actor: User | None, action: str, target: object, **detail: Any) -> None:
    """Write one event; ``actor`` is None for what the product did by itself."""
    AuditEvent.objects.create(actor=actor, action=action, target=str(target)[:200], detail=detail)
