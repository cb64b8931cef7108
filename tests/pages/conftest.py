"""One Chromium before the pages of this very process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium

if TYPE_CHECKING:
    from tests.pages.serving import Served


@pytest.fixture(scope="module")
def served(django_db_setup, django_db_blocker) -> Iterator[Served]:
    from tests.pages.serving import serve  # needs settings, which are not there yet when this file is read

    with django_db_blocker.unblock(), serve() as found:
        yield found


@pytest.fixture(scope="module")
def browser(served: Served) -> Iterator[Browser]:
    with chromium() as found:
        yield found
