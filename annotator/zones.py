"""Time zones: which there are, which one the days of a project are counted in, and when those days begin."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.utils import timezone

from annotator.models import Project
from annotator.said import Said

UNKNOWN = Said("must be the name of a time zone, such as Europe/Oslo")
REGIONS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip


@cache
def _names() -> frozenset[str]:
    """Of places alone: files of the database that are no zone, or only the machine's own, are none of ours."""
    found = {name for name in available_timezones() if name.partition("/")[0] in REGIONS and "/" in name}
    return frozenset(found | {"UTC"})


def names() -> list[str]:
    """All that people can choose from, in the order of the alphabet."""
    return sorted(_names())


def known(name: str) -> ZoneInfo | None:
    """The zone of that name, as browsers and the IANA database call it; None where there is none."""
    return ZoneInfo(name) if name in _names() else None


def of_days(project: Project) -> tzinfo:
    """In which zone a project's days are counted: its own where it has one, else that of whoever looks."""
    return known(project.time_zone) or timezone.get_current_timezone()


def today(zone: tzinfo) -> date:
    return timezone.localdate(timezone=zone)


def last_days(period: int, zone: tzinfo) -> list[date]:
    """So many days, today the last."""
    last = today(zone)
    return [last - timedelta(days=back) for back in range(period - 1, -1, -1)]


def beginnings(days: list[date], zone: tzinfo) -> list[datetime]:
    """The moments at which days begin there: PostgreSQL finds a moment's day among them without knowing zones."""
    return [datetime(day.year, day.month, day.day, tzinfo=zone) for day in days]
