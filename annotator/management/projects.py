"""How commands are told which project is meant."""

from __future__ import annotations

from django.core.management.base import CommandError

from annotator.models import Project


def project_named(wanted: str) -> Project:
    """The project of that name, or of that number. Needs the tenant's scope."""
    named = Project.objects.filter(name=wanted).first()
    if named is None and wanted.isdecimal():
        named = Project.objects.filter(pk=int(wanted)).first()
    if named is None:
        names = ", ".join(repr(name) for name in Project.objects.order_by("name").values_list("name", flat=True)[:10])
        raise CommandError(f"There is no project {wanted!r}; there is {names or 'none at all'}.")
    return named
