"""Whose day is it? Times and days are those of the person who looks, or of the project; files and the API are UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.template import Context, Template
from django.urls import reverse
from django.utils import timezone

from annotator import pace, review, suggestions, verdicts, zones
from annotator.errors import Invalid
from annotator.models import Annotation, AnnotationRevision, Decision, Suggestion, User
from annotator.people import set_time_zone
from annotator.projects import change_project, create_project
from annotator.tenancy import tenant_scope
from tests.cast import SPEC, add_documents, make_project, signed_in
from tests.web.api_client import Api
from tests.worlds import FOUND
from trainer.models import ModelVersion, TrainingRun

LOS_ANGELES, TOKYO = "America/Los_Angeles", "Asia/Tokyo"


@pytest.fixture
def project(cast):
    return make_project(cast.acme)


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.text))


def answered_at(cast, project, moment):
    (document,) = add_documents(cast.acme, project, "Ann lives in Oslo.")
    with tenant_scope(cast.acme):
        review.annotate(document, cast.bob, review.Submission(uuid4(), 0, {}))
        Annotation.objects.update(updated_at=moment)
    return document


def an_evening_ago(zone) -> datetime:
    """Yesterday at half past eleven at night, there."""
    yesterday = datetime.now(ZoneInfo(zone)).date() - timedelta(days=1)
    return datetime(yesterday.year, yesterday.month, yesterday.day, 23, 30, tzinfo=ZoneInfo(zone))


def test_the_browser_says_its_zone_once_and_pages_tell_times_of_there(cast, project):
    document = answered_at(cast, project, timezone.now())
    alice, page = signed_in(cast.alice), reverse("document-answers", args=[cast.acme.slug, document.pk])
    with tenant_scope(cast.acme):
        given = AnnotationRevision.objects.get().created_at
    there = given.astimezone(ZoneInfo(LOS_ANGELES))
    asked = alice.get(page).text
    assert f'<time datetime="{given:%Y-%m-%dT%H:%M:%SZ}" title="{given.day} {given:%B %Y, %H:%M} (UTC)">' in asked
    assert f'data-cookie="{settings.TIME_ZONE_COOKIE_NAME}"' in asked

    alice.cookies[settings.TIME_ZONE_COOKIE_NAME] = LOS_ANGELES
    told = alice.get(page).text

    whole = f'title="{there.day} {there:%B %Y, %H:%M} ({LOS_ANGELES})">{there.day} {there:%b %Y, %H:%M}</time>'
    assert f'<time datetime="{given:%Y-%m-%dT%H:%M:%SZ}" {whole}' in told
    assert f"Times are shown in {LOS_ANGELES}." in told
    assert f'data-zone="{LOS_ANGELES}"' in told
    assert "data-cookie" not in told
    cast.alice.refresh_from_db()
    assert cast.alice.time_zone == LOS_ANGELES
    alice.cookies[settings.TIME_ZONE_COOKIE_NAME] = TOKYO
    assert whole in alice.get(page).text, "a person's own zone goes along to any browser"
    assert timezone.get_current_timezone_name() == "UTC", "the next request of this thread is somebody else's"


@pytest.mark.parametrize("nonsense", ["Mars/Olympus", "../../etc/passwd", "localtime", "posixrules", "", "Europe"])
def test_what_is_no_zone_is_not_believed(cast, project, nonsense):
    answered_at(cast, project, timezone.now())
    alice = signed_in(cast.alice)
    alice.cookies[settings.TIME_ZONE_COOKIE_NAME] = nonsense

    assert alice.get(reverse("project", args=[cast.acme.slug, project.pk])).status_code == 200
    refused = alice.post(reverse("time-zone"), {"time_zone": nonsense})

    assert refused.status_code == 422
    assert "must be the name of a time zone" in refused.text
    assert User.objects.get(pk=cast.alice.pk).time_zone == ""
    with tenant_scope(cast.acme):
        if nonsense:
            with pytest.raises(Invalid):
                change_project(project, {"time_zone": nonsense}, actor=cast.alice)
        with pytest.raises(Invalid):
            create_project(SPEC | {"name": "New", "time_zone": nonsense or 7}, actor=cast.alice)


def test_names_that_browsers_say_are_all_known():
    for name in (
        "Asia/Calcutta",
        "Asia/Kolkata",
        "Europe/Kiev",
        "Europe/Kyiv",
        "America/Argentina/Buenos_Aires",
        "UTC",
    ):
        assert zones.known(name), name


def test_another_zone_is_chosen_on_the_account_page(cast):
    alice = signed_in(cast.alice)
    alice.cookies[settings.TIME_ZONE_COOKIE_NAME] = LOS_ANGELES

    told = alice.post(reverse("time-zone"), {"time_zone": TOKYO}, follow=True)

    assert "Times are shown in Asia/Tokyo from now on." in words(told)
    assert f"This browser says that it is in {LOS_ANGELES}." in words(told)
    assert User.objects.get(pk=cast.alice.pk).time_zone == TOKYO


@pytest.mark.parametrize("zone", [LOS_ANGELES, TOKYO, "UTC"])
def test_the_work_of_an_evening_stands_under_that_day_for_who_lives_there(cast, project, zone):
    answered_at(cast, project, an_evening_ago(zone))

    with tenant_scope(cast.acme), timezone.override(ZoneInfo(zone)):
        (bob,) = pace.people(project)
        days = pace.last_days(project)

    assert days[-1] == datetime.now(ZoneInfo(zone)).date()
    assert bob.days[-2:] == [1, 0]


def test_a_project_may_count_its_days_in_one_zone_whoever_looks(cast, project):
    late = an_evening_ago(LOS_ANGELES)
    answered_at(cast, project, late)
    alice = signed_in(cast.alice)
    set_time_zone(cast.alice, TOKYO)

    response = alice.post(
        reverse("project-settings", args=[cast.acme.slug, project.pk]),
        {"name": project.name, "annotators_per_document": "1", "check_share": "15", "random_share": "20",
         "show_times": "on", "time_zone": LOS_ANGELES},
    )  # fmt: skip
    page = words(alice.get(reverse("pace", args=[cast.acme.slug, project.pk])))

    assert response.status_code == 302
    assert f"Days are counted in {LOS_ANGELES}." in page
    assert f"{late.day} {late:%b}: 1 document" in page
    assert Api(cast.acme, cast.alice).get(f"/projects/{project.pk}").json()["time_zone"] == LOS_ANGELES
    with tenant_scope(cast.acme), timezone.override(ZoneInfo(TOKYO)):
        project.refresh_from_db()
        (bob,) = pace.people(project)
        assert bob.days[-2:] == [1, 0]


def test_the_log_of_a_run_is_told_by_the_readers_clock(cast, project):
    begun = datetime(2026, 11, 30, 7, 59, 58, tzinfo=UTC)
    log = "07:59:58 attempt 1 begins\n08:00:01 step 10:00:00 of it\n"
    with tenant_scope(cast.acme):
        run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded", log=log)
        TrainingRun.objects.filter(pk=run.pk).update(created_at=begun)
    alice, page = signed_in(cast.alice), reverse("model", args=[cast.acme.slug, project.pk])

    logs = []
    for zone in ("UTC", LOS_ANGELES, "Asia/Kathmandu"):
        set_time_zone(cast.alice, zone)
        logs.append(re.search(r'<pre class="log"[^>]*>(.*?)</pre>', alice.get(page).text, re.DOTALL)[1])

    assert logs[0] == log
    assert logs[1].splitlines() == ["23:59:58 attempt 1 begins", "00:00:01 step 10:00:00 of it"]
    assert logs[2].splitlines() == ["13:44:58 attempt 1 begins", "13:45:01 step 10:00:00 of it"]


def test_every_moment_on_a_page_is_told_by_the_one_tag_that_knows_the_zone():
    templates = (settings.BASE_DIR / "web/templates").rglob("*.html")

    assert [path.name for path in templates if re.search(r"\|date:|\|time:|<time\b", path.read_text())] == []


def test_verdicts_are_counted_by_the_same_days(cast, project):
    (document,) = add_documents(cast.acme, project, "Ann lives in Oslo.")
    late = an_evening_ago(LOS_ANGELES)
    with tenant_scope(cast.acme):
        run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded")
        ModelVersion.objects.create(project=project, run=run, number=1, examples=1, live=True)
        suggestions.record(project, 1, [(document.pk, FOUND)])
        Decision.objects.create(
            project=project, suggestion=Suggestion.objects.get(), item="s0", user=cast.bob, verdict="accept",
            submit_id=uuid4(), created_at=late,
        )  # fmt: skip

        days = []
        for zone in (LOS_ANGELES, TOKYO):
            with timezone.override(ZoneInfo(zone)):
                ((day, counts),), weekly = verdicts.over_time(project)
            days.append(day)
            assert (counts.accept, weekly) == (1, False)

    assert days == [late.date(), late.astimezone(ZoneInfo(TOKYO)).date()]
    assert days[0] < days[1]


def test_days_that_begin_or_end_an_hour_off_are_whole():
    spring = zones.beginnings([date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30)], ZoneInfo("Europe/Oslo"))
    skipped = zones.beginnings([date(2018, 11, 3), date(2018, 11, 4)], ZoneInfo("America/Sao_Paulo"))

    moments = [moment.astimezone(UTC) for moment in spring]
    hours = [(later - earlier) / timedelta(hours=1) for earlier, later in pairwise(moments)]
    assert hours == [24, 23]
    assert skipped[1].astimezone(UTC) == datetime(2018, 11, 4, 3, tzinfo=UTC), "midnight was one o'clock"


def test_the_api_and_files_stay_in_utc(cast, project):
    moment = datetime(2026, 11, 30, 3, 5, tzinfo=UTC)
    answered_at(cast, project, moment)
    set_time_zone(cast.bob, TOKYO)
    set_time_zone(cast.alice, TOKYO)

    (mine,) = Api(cast.acme, cast.bob).get(f"/projects/{project.pk}/mine").json()["items"]
    exported = Api(cast.acme, cast.alice).get(f"/projects/{project.pk}/export", answers="each").getvalue().decode()

    assert datetime.fromisoformat(mine["updated_at"]).utcoffset() == timedelta(0)
    assert "+09:00" not in exported
    assert '"2026-11-30T03:05:00+00:00"' in exported


@pytest.mark.parametrize(
    ("seconds", "said"), [(-1, "just now"), (2, "just now"), (61, "1 minute ago"), (200, "3 minutes ago")]
)
def test_how_long_ago_something_was_begins_with_just_now(seconds, said):
    moment = timezone.now() - timedelta(seconds=seconds)

    told = Template("{% load times %}{% when moment 'ago' %}").render(Context({"moment": moment}))

    assert re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", told)) == said
