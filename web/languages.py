"""The languages of the pages: which there are, and what their scripts say in the one that is spoken."""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language

FOLDER = Path(__file__).parent / "locale"
# Numbers in scripts look as they do in the rest of the page.
PLURALS = {"ar": "ar-u-nu-latn"}


def spoken(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001
    """For every template: the other languages, and the scripts' messages where they are not the English ones."""
    here = get_language() or settings.LANGUAGE_CODE
    return {
        "languages": [(code, name) for code, name in settings.LANGUAGES if code != here],
        "script_messages": None if here == "en" else script_messages(here),
    }


@cache
def script_messages(language: str) -> dict[str, Any] | None:
    """What `i18n.js` reads: each English sentence with its translation, or with all its plural forms."""
    found = FOLDER / language / "LC_MESSAGES" / "djangojs.mo"
    if not found.exists():
        return None
    with found.open("rb") as file:
        entries: dict[Any, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    messages: dict[str, Any] = {}
    for key in sorted(entries, key=str):
        if isinstance(key, tuple):
            messages.setdefault(key[0], []).append(entries[key])
        elif key:
            messages[key] = entries[key]
    return {"plural": PLURALS.get(language, language), "messages": messages}
