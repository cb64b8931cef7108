"""Keys that write a character, whatever keyboard has them."""

from __future__ import annotations

import string
from weakref import WeakKeyDictionary

from playwright.sync_api import CDPSession, Page

ASCII = string.digits + string.ascii_letters + string.punctuation + " "
OTHERS = "€£¥§°·…«»¿¡ßéñäçøłжЖשعمक北あ한ΩŁ"
SHIFT = 8
_typing: WeakKeyDictionary[Page, CDPSession] = WeakKeyDictionary()


def write(page: Page, character: str, *, shift: bool = False) -> None:
    """Press the key that has this character: the page hears of the key, and the field gets what it writes."""
    keys = _typing.get(page)
    if keys is None:
        keys = _typing[page] = page.context.new_cdp_session(page)
    key = {"key": character, "modifiers": SHIFT if shift else 0}
    keys.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": character, **key})
    keys.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
