"""What pages say of the disk, to those who can have something done about it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from annotator import disk
from annotator.accounts import Role


def room(request: HttpRequest) -> dict[str, Any]:
    """For every template: how much is left, where that is little and a manager reads the page."""
    role = getattr(request, "role", None)
    if role is None or not Role.covers(role, Role.MANAGER):
        return {}
    state = disk.state()
    return {} if state == disk.OK else {"disk": {"full": state == disk.FULL, "free": disk.free()}}
