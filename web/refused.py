"""What a page says when a verb refuses, and it goes on elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest

from annotator.errors import Refusal


@contextmanager
def told(request: HttpRequest) -> Iterator[None]:
    """Do all of what stands within, or nothing: a refusal is told on the next page."""
    try:
        with transaction.atomic():
            yield
    except Refusal as refusal:
        messages.error(request, refusal.said)
