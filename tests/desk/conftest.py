"""One Chromium for the tests of the desk: an address for those of its text alone, an install for those of its page."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser import chromium, patient
from tests.desk.sheet import Sheet, opened, served
from tests.install import Install, install


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="package")
def sheet_url() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture(scope="package")
def sheets() -> dict[str, Sheet]:
    """Pages of earlier tests, by what their browser was told: one that is loaded anew costs a tenth of a new one."""
    return {}


@pytest.fixture
def make_sheet(browser: Browser, sheet_url: str, sheets: dict[str, Sheet]) -> Iterator[Callable[..., Sheet]]:
    """Make a page with a text; at the end no script may have failed in it."""
    made: dict[str, Sheet] = {}

    def make(**options: Any) -> Sheet:
        kind = repr(sorted(options.items()))
        assert kind not in made, "one page of a kind is enough for a test"
        sheet = sheets.pop(kind, None)
        made[kind] = sheet.anew() if sheet else opened(browser, sheet_url, **options)
        return made[kind]

    yield make
    assert [error for sheet in made.values() for error in sheet.errors] == []
    sheets |= made


@pytest.fixture
def sheet(make_sheet: Callable[..., Sheet]) -> Sheet:
    return make_sheet()


@pytest.fixture(scope="package")
def place() -> Iterator[Install]:
    """A whole running install, until the last test of the desk is done: it costs something also when nobody uses it."""
    with tempfile.TemporaryDirectory(prefix="marginalia-test-") as data_dir, install(Path(data_dir)) as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = patient(browser.new_context(viewport={"width": 1280, "height": 800}))
    yield opened
    opened.close()
