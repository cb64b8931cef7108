"""In which time zone somebody is told times: as they said, or else as their browser says, which is noted once."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from annotator import people, zones
from web.requests import TenantRequest


def of(request: TenantRequest) -> tzinfo:
    """Needs to know who asks. A token's holder has no browser to speak for them."""
    user = request.user
    if not user.time_zone and not request.by_token and (found := of_browser(request)):
        people.note_time_zone(user, found)
    return zones.known(user.time_zone) or UTC


def of_browser(request: HttpRequest) -> str:
    """The name of the zone that the browser is in, as zone.js told; empty where it has not, or told nonsense."""
    name: str = request.COOKIES.get(settings.TIME_ZONE_COOKIE_NAME, "")
    return name if zones.known(name) else ""


def told(request: HttpRequest) -> dict[str, Any]:
    """For every template: the zone of its times, and in which cookie the browser is to say its own if it has not."""
    asked = "" if settings.TIME_ZONE_COOKIE_NAME in request.COOKIES else settings.TIME_ZONE_COOKIE_NAME
    return {"time_zone": timezone.get_current_timezone_name(), "zone_cookie": asked}
