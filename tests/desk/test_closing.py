"""The page goes, by a click or with the whole browser: what becomes of work, and of documents fetched ahead."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import psutil
from playwright.sync_api import Browser, BrowserContext

from tests.browser import QUIET, Desk
from tests.desk.bench import Bench, lose
from tests.install import Client, eventually


def with_profile(browser: Browser, profile: Path) -> BrowserContext:
    """A browser whose memory outlives it."""
    program = shutil.which(os.environ.get("CHROMIUM") or "chromium")
    return browser.browser_type.launch_persistent_context(str(profile), executable_path=program, args=list(QUIET))


def kill(profile: Path) -> None:
    """The browser of this profile dies without a word."""
    for process in psutil.process_iter(["cmdline"]):
        if f"--user-data-dir={profile}" in (process.info["cmdline"] or []):
            process.kill()


def ahead(desk: Desk) -> list[int]:
    """The documents that lie ready behind the one on the desk."""
    desk.page.wait_for_function("() => document.querySelector('#desk').desk.sitting.shelf.sheets.length === 2")
    return list(desk.page.evaluate("() => document.querySelector('#desk').desk.sitting.shelf.ids"))


def leased(bench: Bench) -> dict[int, bool]:
    """The documents that are leased, each with whether it is for more than a moment."""
    code = (
        "from datetime import timedelta; from django.utils import timezone; from annotator.accounts import Tenant; "
        "from annotator.models import Claim; from annotator.tenancy import tenant_scope\n"
        f"with tenant_scope(Tenant.objects.get(slug={bench.slug!r})):\n"
        "    for c in Claim.objects.all(): print(c.document_id, c.expires_at > timezone.now() + timedelta(minutes=5))"
    )
    lines = (line.split() for line in bench.place.manage("shell", "--no-imports", "-c", code).splitlines())
    return {int(document): kept == "True" for document, kept in lines}


def test_documents_fetched_ahead_are_given_back_as_the_page_goes(place, context):
    bench = Bench(place, "gives", *(f"Ada wrote letter {n}." for n in range(5)))
    desk = bench.desk(context)
    here, *ids = bench.document(desk.document), *ahead(desk)
    assert leased(bench) == {here: True} | dict.fromkeys(ids, True)

    desk.page.goto("about:blank")
    eventually("what was given back", lambda: not any(leased(bench).values()))
    desk.open(bench.url)

    assert bench.document(desk.document) == here
    assert ahead(desk) == ids
    assert leased(bench) == {here: True} | dict.fromkeys(ids, True)


def test_work_that_was_begun_keeps_its_lease(place, context):
    bench = Bench(place, "begun", *(f"Ada wrote letter {n}." for n in range(5)))
    desk = bench.desk(context)
    here, *ids = bench.document(desk.document), *ahead(desk)
    desk.press("1")
    desk.page.goto("about:blank")

    eventually("what was given back", lambda: leased(bench) == {here: True} | dict.fromkeys(ids, False))


def test_a_reload_finds_its_documents_again(place, context):
    bench = Bench(place, "reloads", *(f"Ada wrote letter {n}." for n in range(5)))
    desk = bench.desk(context)
    ids, first = ahead(desk), desk.document
    desk.page.reload()
    desk.settled()

    assert desk.document == first
    assert ahead(desk) == ids


def test_what_somebody_else_got_meanwhile_is_not_begun(place, context):
    bench = Bench(place, "elsewhere", *(f"Ada wrote letter {n}." for n in range(5)))
    desk = bench.desk(context)
    gone, stays = ahead(desk)
    desk.page.evaluate(
        "(id) => fetch(`/t/elsewhere/api/v1/documents/${id}/claim`, { method: 'DELETE', headers: "
        "{ 'X-CSRFToken': document.querySelector('#desk').desk.config.csrf } })",
        gone,
    )
    place.manage("person", bench.slug, "somebody-else", "--role", "annotator", "--no-password")
    token = re.search(r"mgn_\S+", place.manage("token", bench.slug, "somebody-else", "--role", "annotator"))
    assert token
    somebody = Client(place.url, bench.slug, token.group())
    assert somebody("POST", f"/projects/{bench.project}/next", json={"ahead": 5})["document"]
    desk.page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    desk.page.wait_for_function(
        "([stays]) => document.querySelector('#desk').desk.sitting.shelf.ids.join() === String(stays)", arg=[stays]
    )


def test_submits_go_out_with_the_page_that_made_them(place, context):
    bench = Bench(place, "lastly", *(f"Ada wrote letter {n}." for n in range(5)))
    desk = bench.desk(context)
    ahead(desk)
    names = [desk.document]
    names.append(desk.press("1").submit().document)
    desk.press("1", "Enter")
    desk.page.goto("about:blank")

    eventually("both answers", lambda: all((bench.found(name) or {}).get("state") == "submitted" for name in names))


def test_a_browser_that_is_killed_has_everything_when_it_is_back(place, browser, tmp_path):
    bench = Bench(place, "killed", *(f"Ada wrote letter {n}." for n in range(4)))
    desk = bench.desk(with_profile(browser, tmp_path))
    desk.page.wait_for_function("() => document.querySelector('#desk').desk.sitting.shelf.sheets.length === 2")
    desk.page.route("**/annotation", lose)
    first = desk.document
    second = desk.press("1").submit().document
    third = desk.press("1").submit().document
    desk.press("2").says("Offline: 2 documents are kept here.")
    desk.page.wait_for_function(
        "() => document.querySelector('#desk').desk.sitting.sending.store.journal?.writing === false"
    )
    kill(tmp_path)

    with with_profile(browser, tmp_path) as again:
        desk = bench.desk(again).saved()
        assert [bench.labels(name) for name in (first, second)] == [["PERSON"]] * 2
        assert desk.document == third
        assert desk.labelled() == [("Ada", "PLACE")]
