"""All that people read, as the sources mark it, and the catalogues that translate it.

`python -m tests.messages` brings `web/locale/*/LC_MESSAGES` up to date: new messages come in without a translation,
those that are gone go, and the `.mo` files, which run, are made of the `.po` files, which people write.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

WEB = Path(__file__).resolve().parent.parent / "web"
PACKAGES = ("annotator", "trainer", "web")
LOCALE = WEB / "locale"
PYTHON = {
    "_": None, "gettext": None, "gettext_lazy": None, "gettext_noop": None, "ngettext": (1, 2), "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2), "Said": None,
}  # fmt: skip
SCRIPT = {"t": None, "n": (1, 2)}
Message = str | tuple[str, ...]


def marked(domain: str) -> Iterator[tuple[str, int, Message]]:
    """File, line and message (with its plural) of everything marked: `django` is pages, `djangojs` their scripts."""
    if domain == "djangojs":
        for path in sorted((WEB / "static").rglob("*.js")):
            yield from _found(path, path.read_bytes(), "javascript", SCRIPT)
        return
    for path in sorted(path for package in PACKAGES for path in (WEB.parent / package).rglob("*.py")):
        yield from _found(path, path.read_bytes(), "python", PYTHON)
    for path in sorted((WEB / "templates").rglob("*.*")):
        if path.suffix in (".html", ".svg", ".txt"):
            # All but the messages is blanked out in it; what is left is Python, once nothing is indented.
            source = "\n".join(line.strip() for line in templatize(path.read_text(), origin=str(path)).split("\n"))
            yield from _found(path, source.encode(), "python", PYTHON)


def _found(path: Path, source: bytes, kind: str, words: dict) -> Iterator[tuple[str, int, Message]]:  # type: ignore[type-arg]
    for line, message, _, _ in extract(kind, io.BytesIO(source), words):
        yield str(path.relative_to(WEB.parent)), line, message


def catalogue(language: str, domain: str) -> Catalog:
    with _path(language, domain, "po").open("rb") as file:
        return read_po(file, language, domain)


def update(language: str, domain: str) -> Catalog:
    """The catalogue as it stands, with the messages of today."""
    known = catalogue(language, domain) if _path(language, domain, "po").exists() else Catalog(language, domain)
    template = Catalog(domain=domain, creation_date=known.creation_date)
    for file, _, message in marked(domain):
        template.add(message, locations=[(file, None)])  # type: ignore[list-item]
    known.update(template, no_fuzzy_matching=True)
    known.obsolete.clear()
    return known


def main() -> None:
    for language in sorted(path.name for path in LOCALE.iterdir()):
        for domain in ("django", "djangojs"):
            messages = update(language, domain)
            with _path(language, domain, "po").open("wb") as file:
                write_po(file, messages, width=120, omit_header=False, sort_output=True)
            with _path(language, domain, "mo").open("wb") as file:
                write_mo(file, messages)
            lacking = sum(1 for message in messages if message.id and not translated(message.string))
            print(f"{language} {domain}: {len(messages)} messages, {lacking} not translated", file=sys.stderr)


def translated(string: Message) -> bool:
    return all(string) if isinstance(string, tuple) else bool(string)


def _path(language: str, domain: str, suffix: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{domain}.{suffix}"


if __name__ == "__main__":
    import django
    from django.conf import settings

    settings.configure(USE_I18N=False)
    django.setup()
    main()
