"""One Chromium and one address for the tests of the desk's text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.desk.sheet import Sheet, opened, served


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
