"""What is refused is said twice: in English to programs and records, in the reader's language on pages.

A ``Said`` is its English sentence, a string like any other, and remembers what it was made of. Nothing that stores or
sends it needs to know; a page asks ``here``.
"""

from __future__ import annotations

from typing import Self

from django.utils.translation import gettext


class Said(str):
    """``Said("is longer than %(most)s characters", most="100")``: what stands in it is marked for translation."""

    text: str
    values: dict[str, str]

    def __new__(cls, text: str, **values: str) -> Self:
        said = super().__new__(cls, text % values if values else text)
        said.text, said.values = text, values
        return said


def counted(number: int, one: str, many: str = "") -> str:
    """``1 document``, ``2,000 documents``: for records and commands, which speak English alone."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def here(said: str) -> str:
    """A sentence in the reader's language, if it is one that can be translated."""
    if not isinstance(said, Said):
        return said
    text = gettext(said.text)
    return text % {name: here(value) for name, value in said.values.items()} if said.values else text
