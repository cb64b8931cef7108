"""The table of imports, exports and deletions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

from annotator.accounts import User
from annotator.tenancy import TenantOwned

if TYPE_CHECKING:
    from annotator.models import Project


class Job(TenantOwned):
    """An import, export or deletion that runs beside the request, with its progress. Written by jobs.py; an import that
    does not, by importing/at_once.py.

    ``project`` is null for one alone: the record of a project's own deletion.
    """

    class Kind(models.TextChoices):
        IMPORT = "import", "import"
        EXPORT = "export", "export"
        DELETE = "delete", "delete"

    class State(models.TextChoices):
        UPLOADED = "uploaded", "uploaded"
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        SUCCEEDED = "succeeded", "succeeded"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    project = models.ForeignKey(
        "annotator.Project",
        on_delete=models.CASCADE,
        related_name="jobs",
        null=True,
        db_constraint=False,
        db_index=False,
    )
    kind = models.CharField(max_length=6, choices=Kind.choices)
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    reason = models.TextField(blank=True)
    options = models.JSONField(default=dict)
    path = models.CharField(max_length=500, blank=True)
    total_bytes = models.BigIntegerField(default=0)
    done_bytes = models.BigIntegerField(default=0)
    rows_read = models.PositiveIntegerField(default=0)
    rows_new = models.PositiveIntegerField(default=0)
    rows_known = models.PositiveIntegerField(default=0)
    rows_refused = models.PositiveIntegerField(default=0)
    row_errors = models.JSONField(default=list, help_text="The first refusals: line, field, reason.")
    told = models.JSONField(default=dict, help_text="All rows by what is told of them, as importing/told.py keeps it.")
    errors_bytes = models.BigIntegerField(default=0, help_text="How much of the file of all refusals counts.")
    report = models.JSONField(default=dict, help_text="What an export wrote, and what its format could not hold.")
    sha256 = models.CharField(max_length=64, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["project", "created_at"], name="jobs_by_time")]

    @property
    def of_project(self) -> Project:
        """The project of an import or an export, which has one as long as it is there."""
        assert self.project is not None
        return self.project

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.state}"
