"""Every sentence that people read is there in every language, with the same values in it."""

from __future__ import annotations

import gettext
import re

import pytest

from tests.messages import LOCALE, catalogue, marked, translated, update

LANGUAGES = sorted(path.name for path in LOCALE.iterdir())
DOMAINS = ("django", "djangojs")
VALUE = re.compile(r"%(?:\(\w+\))?[sd]|%%|<[^>]+>")
every = pytest.mark.parametrize(("language", "domain"), [(each, domain) for each in LANGUAGES for domain in DOMAINS])


def values(text):
    return sorted(VALUE.findall(text))


@every
def test_every_message_is_translated(language, domain):
    found = update(language, domain)

    lacking = [message.id for message in found if message.id and not translated(message.string)]
    assert lacking == [], "python -m tests.messages lists them in the .po file; translate them and run it again"


@every
def test_translations_hold_the_values_of_their_messages(language, domain):
    for message in catalogue(language, domain):
        if not message.id or not translated(message.string):
            continue
        if isinstance(message.id, str):
            assert values(message.string) == values(message.id), message.id
            continue
        # One and two, in a language that has forms for them, need no number; none is never more than in the plural.
        *_, plural = message.id
        for form in message.string:
            assert set(values(form)) <= set(values(plural)), message.id
        assert values(message.string[-1]) == values(plural), message.id


@every
def test_what_runs_is_what_people_wrote(language, domain):
    written = catalogue(language, domain)
    with (LOCALE / language / "LC_MESSAGES" / f"{domain}.mo").open("rb") as file:
        running = gettext.GNUTranslations(file)

    for message in written:
        if isinstance(message.id, str) and message.id and message.string:
            assert running.gettext(message.id) == message.string


def test_pages_and_scripts_are_read_for_messages():
    sources = {file.rpartition(".")[2] for domain in DOMAINS for file, _, _ in marked(domain)}

    assert sources == {"py", "html", "js"}


NAMES = {"Marginalia", "JSONL", "CSV", "TSV", "TXT", "SHA-256"}
# What no reader sees as words: code, what tags and variables say, and the width of a page.
APART = re.compile(
    r"{%\s*comment.*?endcomment\s*%}|{%\s*blocktranslate.*?endblocktranslate\s*%}|{%\s*block width.*?endblock\s*%}"
    r"|<(script|pre|style|code|kbd|svg)\b.*?</\1>|{%.*?%}|{#.*?#}|{{.*?}}",
    re.DOTALL,
)
READ = re.compile(r'>([^<>]+)<|\b(?:placeholder|aria-label|title|alt)="([^"]*)"')


def test_no_template_has_words_that_are_not_marked():
    unmarked = {}
    for path in sorted((LOCALE.parent / "templates").rglob("*.html")):
        read = (word for found in READ.findall(APART.sub("", path.read_text())) for word in " ".join(found).split())
        words = {word.strip(",.:()") for word in read if re.search(r"[A-Za-z]{2}", word)} - NAMES
        if words:
            unmarked[path.name] = words

    assert unmarked == {}
