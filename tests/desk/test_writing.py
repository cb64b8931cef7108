"""While a field for text is open every key that writes a character writes it, and does nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser import Desk
from tests.desk.bench import Bench, watched
from tests.desk.writing import ASCII, OTHERS, write

MANY = [f"intent_{n:02}" for n in range(14)]
# How each field is opened, and where it is.
FIELDS: dict[str, tuple[Callable[[Desk], object], str]] = {
    "jump": (lambda desk: desk.press("="), ".jump input"),
    "labels": (lambda desk: desk.press("/"), "#palette-words"),
    "filter": (lambda desk: desk.page.click(".filter"), ".filter"),
    "skip": (lambda desk: desk.press("."), "#skip-words"),
    "comment": (lambda desk: desk.press(";"), "#remark-words"),
}
STATE = """() => {
  const { desk } = document.querySelector('#desk');
  const { work } = desk.board;
  return JSON.stringify([
    work.marks, [...document.querySelectorAll(':checked')].map((one) => one.value), work.relations,
    desk.sitting.current.id, desk.sitting.current.flag, desk.board.hand,
    [...document.querySelectorAll('dialog[open]')].map((one) => one.id),
  ]);
}"""


@pytest.fixture(scope="module")
def written(place):
    questions = [{"name": "intent", "choices": MANY}]
    return Bench(place, "writing", "Ada paid $24.95, then $5.49. C++ = 1!", questions=questions)


@pytest.mark.parametrize("name", FIELDS)
def test_any_printing_key_in_an_open_field_types(written, context, name):
    errors: list[str] = []
    desk = written.desk(context)
    watched(desk.page, errors)
    open_it, selector = FIELDS[name]
    field = desk.page.locator(selector)
    open_it(desk)
    assert field.evaluate("(one) => one === document.activeElement")
    before = desk.page.evaluate(STATE)

    for shift in (False, True):
        field.fill("")
        for character in ASCII + OTHERS:
            write(desk.page, character, shift=shift)
            value = field.input_value()
            assert value[-1:] == character, f"{character!r} in {value!r}"
            if len(value) > 60:
                field.fill("")

    assert desk.page.evaluate(STATE) == before
    assert errors == []


def test_an_amount_that_is_sought_skips_nothing(written, context):
    desk = written.desk(context)

    desk.press("=")
    desk.page.keyboard.type("$5.49")
    assert desk.page.locator("dialog[open]").count() == 0
    desk.press("Enter", "1")

    assert desk.labelled() == [("$5.49", "PERSON")]
