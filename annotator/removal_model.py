"""The table of documents that were here once."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from annotator.tenancy import TenantOwned


class DeletedDocument(TenantOwned):
    """The number of a document that was deleted, so that who had it open is told. Written by removal.py."""

    document = models.BigIntegerField()
    deleted_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "document"], name="deleted_once")]

    def __str__(self) -> str:
        return f"document {self.document}"
