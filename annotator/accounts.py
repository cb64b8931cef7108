"""The global tables: tenants, people, and who is what where. All other tables belong to one tenant."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

SLUG = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$",
    "Use lower-case letters, digits and hyphens; begin and end with a letter or digit.",
)


class Role(models.TextChoices):
    """What a person may do in a tenant; each role may do all that the ones before it may."""

    ANNOTATOR = "annotator", "annotator"
    REVIEWER = "reviewer", "reviewer"
    MANAGER = "manager", "manager"
    ADMIN = "admin", "admin"

    @classmethod
    def covers(cls, held: str, needed: str) -> bool:
        order = list(cls.values)
        return order.index(held) >= order.index(needed)


class Tenant(models.Model):
    """A customer. Written by ``manage.py tenant``."""

    slug = models.CharField(max_length=63, unique=True, validators=[SLUG])
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A person, who may belong to several tenants. What was issued under another password ends with it: sessions by
    Django's own hash, tokens by ``password_changed_at``."""

    REQUIRED_FIELDS = []
    password_changed_at = models.DateTimeField(null=True, editable=False)
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="", help_text="By its IANA name.")
    ended = models.JSONField(
        default=dict, blank=True, help_text="Tenants that they were removed from, and whether they were told."
    )

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Django forgets the raw password where it only hashes the same one anew.
        if self._password is not None:  # type: ignore[attr-defined]
            self.password_changed_at = timezone.now()
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "password_changed_at"}
        super().save(*args, **kwargs)


class Membership(models.Model):
    """A person's role in a tenant."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="one_role_a_tenant"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="known_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role} of {self.tenant})"
