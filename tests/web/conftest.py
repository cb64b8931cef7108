"""Each test of pages begins in English, whatever language the one before asked for."""

from __future__ import annotations

import pytest
from django.utils import translation


@pytest.fixture(autouse=True)
def english_again():
    yield
    # Django leaves the last request's language to its thread.
    translation.deactivate()
