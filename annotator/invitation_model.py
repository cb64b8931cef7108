"""The table of invitations, in a file of its own beside models.py, which names it with the others."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotator.accounts import Role, User
from annotator.tenancy import TenantOwned


class Invitation(TenantOwned):
    """A place kept for somebody: whoever has the link may take it, once, until then. Written by invitations.py.

    Only the hash of the link's secret is kept. ``used_by`` is who came; ``revoked_at``: the link was taken back.
    """

    name = models.CharField(max_length=150)
    email = models.CharField(max_length=254, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    used_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="known_invited_role"),
            models.CheckConstraint(
                condition=Q(used_at__isnull=True, used_by__isnull=True)
                | Q(used_at__isnull=False, used_by__isnull=False),
                name="used_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-created_at"], name="invitations_by_time")]

    def __str__(self) -> str:
        return f"{self.name} as {self.role}"

    @property
    def open(self) -> bool:
        """Whether the link still works."""
        return self.used_at is None and self.revoked_at is None and self.expires_at > timezone.now()
