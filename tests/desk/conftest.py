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


@pytest.fixture(scope="module")
def sheet_browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def sheet_url() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture
def make_sheet(sheet_browser: Browser, sheet_url: str) -> Iterator[Callable[..., Sheet]]:
    """Make a page with a text; at the end no script may have failed in it."""
    made: list[Sheet] = []

    def make(**options: Any) -> Sheet:
        made.append(opened(sheet_browser, sheet_url, **options))
        return made[-1]

    yield make
    for sheet in made:
        sheet.page.context.close()
    assert [error for sheet in made for error in sheet.errors] == []


@pytest.fixture
def sheet(make_sheet: Callable[..., Sheet]) -> Sheet:
    return make_sheet()


@pytest.fixture(scope="session")
def place() -> Iterator[Install]:
    """A whole running install."""
    with tempfile.TemporaryDirectory(prefix="marginalia-test-") as data_dir, install(Path(data_dir)) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = patient(browser.new_context(viewport={"width": 1280, "height": 800}))
    yield opened
    opened.close()
