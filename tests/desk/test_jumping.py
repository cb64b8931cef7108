"""Going to a word by its first letters: by Shift and a letter, and through the field that a key opens."""

from __future__ import annotations

import pytest

from tests.desk.sheet import Sheet, span
from tests.desk.writing import write

LETTER = "Ada Berg, of Oslo, works in Paris. She likes Oslo and papers, 1990."


def field(sheet: Sheet) -> str:
    """What stands in the field; empty where it is closed."""
    box = sheet.page.locator(".jump")
    return box.locator("input").input_value() if box.is_visible() else ""


def chosen(sheet: Sheet) -> str:
    return str(sheet.page.evaluate("() => board.words(board.selection)"))


def test_shift_and_a_letter_goes_to_the_next_word_with_it_and_round(sheet):
    sheet.open(LETTER)

    sheet.press("Shift+P")
    assert sheet.selection == "Paris"
    assert sheet.said == "Paris"
    sheet.press("Shift+P")
    assert sheet.selection == "papers"
    sheet.press("Shift+P")
    assert (sheet.selection, sheet.said) == ("Paris", "From the top: Paris")
    sheet.press("2", "Shift+Q")
    assert sheet.labelled() == [("Paris", "PLACE")]
    assert sheet.said == "No word begins with Q."


def test_letters_lead_to_the_word_and_enter_stays_there(sheet):
    sheet.open(LETTER)

    sheet.press("f", "p", "a")
    assert (chosen(sheet), field(sheet)) == ("Paris", "pa")
    sheet.press("p")
    assert chosen(sheet) == "papers"
    sheet.press("Backspace")
    assert chosen(sheet) == "Paris", "always the next one from where one was"
    sheet.press("Enter", "2")
    assert sheet.labelled() == [("Paris", "PLACE")]
    assert not sheet.page.is_visible(".jump")
    assert sheet.page.evaluate("() => document.activeElement.id") == "text"


def test_arrows_go_on_and_back_and_with_nothing_typed_the_last_letters_count(sheet):
    sheet.open(LETTER)

    sheet.press("=", "o")
    found = [chosen(sheet)]
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp"):
        sheet.press(key)
        found.append(chosen(sheet) + str(sheet.page.evaluate("() => board.selection.start")))
    assert found == ["of", "Oslo13", f"Oslo{LETTER.rindex('Oslo')}", "of10", f"Oslo{LETTER.rindex('Oslo')}", "Oslo13"]
    sheet.press("Enter")
    assert not sheet.page.is_visible(".jump")
    sheet.press("2")
    assert sheet.labelled() == [("Oslo", "PLACE")]
    sheet.press("=", "ArrowDown")
    assert (chosen(sheet), field(sheet)) == ("Oslo", "o")
    sheet.press("Escape", "=", "Enter")
    assert sheet.page.evaluate("() => board.selection.start") == LETTER.rindex("Oslo")


def test_escape_goes_back_to_where_one_was(sheet):
    sheet.open(LETTER, spans=[{"start": 13, "end": 17, "label": "PLACE"}])
    sheet.press("]", "f", "p", "Escape")
    assert sheet.picked == "Oslo PLACE"
    sheet.press("Escape", "Control+Home", "f", "p", "Escape")
    assert (sheet.selection, sheet.page.is_visible(".jump")) == ("Ada", False)


def test_nothing_found_is_said_and_seen_and_the_word_before_stays(sheet):
    sheet.open(LETTER)
    sheet.press("f", "p", "a", "x")

    assert chosen(sheet) == "Paris"
    assert sheet.page.inner_text(".jump .none") == "nothing found"
    assert sheet.page.get_attribute(".jump input", "aria-invalid") == "true"
    assert sheet.said == "“pax” is not in this text."


def test_a_number_is_sought_by_its_figures(sheet):
    sheet.open(LETTER)
    sheet.press("f", "1", "9")
    assert (chosen(sheet), sheet.labelled()) == ("1990", [])
    sheet.press("Enter", "3")
    assert sheet.labelled() == [("1990", "DRUG")]


@pytest.mark.parametrize(
    "piece",
    [
        "$24.95",
        "24.95",
        "$5.49",
        "€",
        "++",
        "C++",
        "19,90 €",
        "x-ray",
        "#7",
        "?!",
        "Anne Berg",
        "أوسلو",
        "東京",
        "नमस्ते",
        "😀",
        "ΟΔΟΣ",
    ],
)
def test_any_piece_of_a_text_is_sought_as_it_is_written(sheet, piece):
    text = f"It was $ 9 or 24 dollars. Then {piece} came, and no more."
    sheet.open(text)

    sheet.press("=")
    for character in piece:
        write(sheet.page, character)

    assert field(sheet) == piece
    assert chosen(sheet) == piece
    sheet.press("Enter", "3")
    assert sheet.labelled() == [(piece, "DRUG")]


def test_what_no_word_begins_with_is_found_within_one(sheet):
    sheet.open("Order 24.95 today")
    sheet.press("=", *"95")
    assert chosen(sheet) == "24.95"


def test_shift_and_enter_take_all_up_to_the_word_that_is_found(sheet):
    sheet.open(LETTER)
    sheet.press("ArrowRight", "f", "w", "Shift+Enter")
    assert sheet.selection == "Berg, of Oslo, works"
    sheet.press("f", "p", "Shift+ArrowRight")
    assert sheet.selection == "Paris.", "what acts on a word goes through the field"
    sheet.press("f", "a", "d", "Shift+Enter", "1")
    assert sheet.labelled() == [("Ada Berg, of Oslo, works in Paris.", "PERSON")]


def test_what_an_input_method_puts_together_is_sought_when_it_is_whole(sheet):
    sheet.open("Ada 住在 北京 和 东京")
    sheet.press("f")
    writing = sheet.page.context.new_cdp_session(sheet.page)
    writing.send("Input.imeSetComposition", {"text": "dong", "selectionStart": 4, "selectionEnd": 4})
    assert chosen(sheet) == "Ada", "not before it is whole"
    writing.send("Input.insertText", {"text": "东"})
    assert chosen(sheet) == "东京"


def test_a_word_of_a_long_text_is_found_at_once_and_brought_into_view(sheet):
    sheet.open("the patient was given aspirin " * 1000 + "zebra " + "and went home " * 300)
    assert sheet.cost("() => board.seek(['z'])") < 250
    box = sheet.box("zebra")
    assert 0 < box["top"] < box["bottom"] < 700
    assert chosen(sheet) == "zebra"


def test_a_suggestion_that_waits_is_left_as_it_is(sheet):
    sheet.open(LETTER, span("s0", 28, 33, "PLACE"))
    sheet.press("Escape", "Control+Home", "f", "p", "Enter")
    assert sheet.suggested() == [("Paris", "PLACE")]
