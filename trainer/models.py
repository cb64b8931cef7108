"""Training runs and the model versions they make. Written by runs.py alone."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotator.models import Project, User
from annotator.tenancy import TenantOwned

BEFORE_ALL = -1.0  # no document stands there in its pool's shuffled order


class TrainingRun(TenantOwned):
    """One round: snapshot, train, evaluate, export, gate. At most one is active in a project."""

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        SUCCEEDED = "succeeded", "succeeded"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    ACTIVE = (State.QUEUED, State.RUNNING)

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="runs", db_constraint=False, db_index=False
    )
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    phase = models.CharField(max_length=20, blank=True, help_text="snapshot, train, export, evaluate, promote")
    trigger = models.CharField(max_length=10, help_text="news or hand")
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True)
    reason = models.TextField(blank=True, help_text="Why it failed or was cancelled, or was not promoted.")
    log = models.TextField(blank=True)
    step = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0)
    attempt = models.PositiveSmallIntegerField(default=0)
    cancel_asked = models.BooleanField(default=False)
    examples = models.PositiveIntegerField(default=0)
    watermark = models.BigIntegerField(default=0, help_text="Last annotation revision in the snapshot.")
    snapshot_sha256 = models.CharField(max_length=64, blank=True)
    metrics = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(state__in=["queued", "running"]), name="one_active_run"
            )
        ]
        indexes = [models.Index(fields=["project", "-created_at"], name="runs_by_time")]

    def __str__(self) -> str:
        return f"run {self.pk}: {self.state}"


class ModelVersion(TenantOwned):
    """An exported model of a project; one at most is live. ``metrics`` are on the held-out documents."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="versions", db_constraint=False, db_index=False
    )
    run = models.ForeignKey(TrainingRun, on_delete=models.PROTECT, related_name="versions", db_constraint=False)
    number = models.PositiveIntegerField()
    manifest_sha256 = models.CharField(max_length=64)
    examples = models.PositiveIntegerField()
    metrics = models.JSONField(default=dict)
    live = models.BooleanField(default=False)
    ranked = models.BooleanField(default=False, help_text="Whether it has given all of the pool new priorities.")
    ranked_to = models.FloatField(default=BEFORE_ALL, help_text="How far it has, in the pool's shuffled order.")
    created_at = models.DateTimeField(default=timezone.now)
    promoted_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="version_number_once"),
            models.UniqueConstraint(fields=["project"], condition=Q(live=True), name="one_live_version"),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"
