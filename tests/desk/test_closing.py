"""The page goes, by a click or with the whole browser: what becomes of work, and of documents that were fetched ahead."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil
from playwright.sync_api import Browser, BrowserContext

from tests.browser import QUIET
from tests.desk.bench import Bench, lose


def with_profile(browser: Browser, profile: Path) -> BrowserContext:
    """A browser whose memory outlives it."""
    program = shutil.which(os.environ.get("CHROMIUM") or "chromium")
    return browser.browser_type.launch_persistent_context(str(profile), executable_path=program, args=list(QUIET))


def kill(profile: Path) -> None:
    """The browser of this profile dies without a word."""
    for process in psutil.process_iter(["cmdline"]):
        if f"--user-data-dir={profile}" in (process.info["cmdline"] or []):
            process.kill()


def test_a_browser_that_is_killed_has_everything_when_it_is_back(place, browser, tmp_path):
    bench = Bench(place, "killed", *(f"Ada wrote letter {n}." for n in range(4)))
    desk = bench.desk(with_profile(browser, tmp_path))
    desk.page.wait_for_function("() => document.querySelector('#desk').desk.sitting.shelf.sheets.length === 2")
    desk.page.route("**/annotation", lose)
    first = desk.document
    second = desk.press("1").submit().document
    third = desk.press("1").submit().document
    desk.press("2").says("Offline: 2 documents are kept here.")
    kill(tmp_path)

    with with_profile(browser, tmp_path) as again:
        desk = bench.desk(again).saved()
        assert [bench.labels(name) for name in (first, second)] == [["PERSON"]] * 2
        assert desk.document == third
        assert desk.labelled() == [("Ada", "PLACE")]
