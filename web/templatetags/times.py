"""``{% load times %}{% when job.created_at %}``: a moment in the reader's time zone, and for programs in UTC;
``{% log_of run %}``: what a run noted, by the reader's clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from django import template
from django.template import Context
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from trainer.models import TrainingRun

register = template.Library()

FORMS = {"time": "j M, H:i", "full": "j M Y, H:i", "day": "j M Y", "date": "j F Y"}
AGO = "ago"
_STAMP = re.compile(r"^\d\d:\d\d:\d\d", re.MULTILINE)


@register.simple_tag(takes_context=True)
def when(context: Context, moment: datetime, form: str = "time") -> SafeString:
    """``form`` is one of FORMS, or ``ago``: how long it has been. All of it, with the zone, is told where one rests on
    it; the page that told any says once at its end which zone that is (base.html)."""
    if "request" in context:
        context["request"].tells_times = True
    local = timezone.localtime(moment)
    zone = timezone.get_current_timezone_name()
    said = _ago(moment) if form == AGO else formats.date_format(local, FORMS[form])
    whole = f"{formats.date_format(local, 'j F Y, H:i')} ({zone})"
    utc = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return format_html('<time datetime="{}" title="{}">{}</time>', utc, whole, said)


@register.simple_tag(takes_context=True)
def log_of(context: Context, run: TrainingRun) -> str:
    """Its lines begin with the time of day in UTC; people are told all times of a page in one zone."""
    if "request" in context:
        context["request"].tells_times = True
    ahead = timezone.localtime(run.created_at).utcoffset() or timedelta()
    day = datetime.min + timedelta(days=1)

    def local(stamp: re.Match[str]) -> str:
        moment = datetime.combine(day, time.fromisoformat(stamp[0])) + ahead
        return f"{moment:%H:%M:%S}"

    return _STAMP.sub(local, run.log)


def _ago(moment: datetime) -> str:
    if timezone.now() - moment < timedelta(minutes=1):
        return _("just now")
    return _("%(since)s ago") % {"since": timesince(moment)}
