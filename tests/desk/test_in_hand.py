"""A label in hand: what the pointer chooses gets it at once, and Space goes on from word to word."""

from __future__ import annotations

from tests.desk.sheet import Sheet, span

LETTER = "Ada Berg, of Oslo, works in Paris. She likes Oslo."


def hand(sheet: Sheet) -> str | None:
    found = sheet.page.evaluate("() => board.hand")
    return None if found is None else str(found)


def test_drags_and_double_clicks_mark_at_once_until_it_is_put_down(sheet):
    sheet.open(LETTER)
    sheet.press("k")
    assert hand(sheet) == "PERSON"
    assert sheet.said.startswith("PERSON is in hand")

    sheet.drag("Ada", "Berg")
    assert sheet.labelled() == [("Ada Berg", "PERSON")]
    assert sheet.said == "PERSON: Ada Berg"
    assert sheet.picked == "", "nothing is picked: the next label is not for this mark"
    sheet.press("2")
    assert (hand(sheet), sheet.labelled()) == ("PLACE", [("Ada Berg", "PERSON")])
    sheet.click("Oslo", count=2)
    sheet.click("Paris", count=2)
    assert sheet.labelled() == [("Ada Berg", "PERSON"), ("Oslo", "PLACE"), ("Paris", "PLACE")]
    sheet.press("Escape")
    assert (hand(sheet), sheet.said) == (None, "No label in hand.")
    sheet.drag("likes", "likes")
    assert len(sheet.labelled()) == 3


def test_the_same_key_puts_it_down_again(sheet):
    sheet.open(LETTER)
    sheet.press("+", "+")
    assert hand(sheet) is None
    sheet.press("ArrowRight", "2", "k")
    assert hand(sheet) == "PLACE", "that of the mark that is picked"
    sheet.drag("Paris", "Paris")
    sheet.press("2")
    assert hand(sheet) is None, "with nothing chosen its own key does"
    assert sheet.labelled() == [("Berg", "PLACE"), ("Paris", "PLACE")]


def test_a_label_still_goes_to_what_is_chosen(sheet):
    sheet.open(LETTER)
    sheet.press("k")
    sheet.drag("Oslo", "Oslo")
    sheet.click("Oslo")
    sheet.press("2")
    assert (sheet.labelled(), hand(sheet)) == ([("Oslo", "PLACE")], "PERSON")
    sheet.press("Escape")
    assert hand(sheet) == "PERSON", "Escape lets go of the mark first"
    sheet.press("Shift+P", "3")
    assert sheet.labelled() == [("Oslo", "PLACE"), ("Paris", "DRUG")]
    assert hand(sheet) == "PERSON"


def test_space_uses_it_and_goes_on_to_the_next_word(sheet):
    sheet.open(LETTER, span("s0", 28, 33, "PLACE"))
    sheet.press("Escape", "Control+Home", "k", "Space", "Space", "Space")
    assert sheet.labelled() == [("Ada", "PERSON"), ("Berg", "PERSON"), (",", "PERSON")]
    assert sheet.selection == "of"
    sheet.press("Control+Home", "Space")
    assert sheet.selection == "Berg", "what has the label already is gone past"
    sheet.press("Tab", "Space")
    assert ("Paris", "PLACE") in sheet.labelled(), "a suggestion is accepted as it is"


def test_space_does_not_break_a_mark_that_has_the_label(sheet):
    sheet.open(LETTER, spans=[{"start": 0, "end": 8, "label": "PERSON"}])
    sheet.press("k", "Escape", "Control+Home", "ArrowRight")
    sheet.press(*[] if hand(sheet) else ["k"], "Space")
    assert sheet.labelled() == [("Ada Berg", "PERSON")]
    assert sheet.selection == ","


def test_a_triple_click_marks_the_sentence_alone(sheet):
    sheet.open(LETTER, overlap=True)
    sheet.press("k")
    sheet.click("likes", count=3)
    assert sheet.labelled() == [("She likes Oslo.", "PERSON")]
    sheet.press("Control+z")
    assert sheet.labelled() == []


def test_delete_takes_away_what_was_just_marked(sheet):
    sheet.open(LETTER)
    sheet.press("k")
    sheet.drag("Paris", "Paris")
    sheet.press("Delete")
    assert sheet.labelled() == []
    sheet.press("Control+z", "Control+z")
    assert sheet.labelled() == []
    sheet.press("Control+y")
    assert sheet.labelled() == [("Paris", "PERSON")]


def test_what_is_chosen_and_the_pointer_show_its_colour(sheet):
    sheet.open(LETTER)
    colour = "() => getComputedStyle(document.querySelector('.choice i')).backgroundColor"
    before = sheet.page.evaluate(colour)
    sheet.press("k")
    assert sheet.page.evaluate(colour) != before
    cursor = "() => decodeURIComponent(getComputedStyle(document.querySelector('#text')).cursor)"
    assert "#2563eb" in sheet.page.evaluate(cursor)
    sheet.press("k")
    assert sheet.page.evaluate(colour) == before
    assert sheet.page.evaluate(cursor) == "text"


def test_it_stays_in_hand_from_document_to_document(sheet):
    sheet.open(LETTER)
    sheet.press("k")
    sheet.page.evaluate("(text) => board.open({ text })", LETTER.upper())
    sheet.drag("PARIS", "PARIS")
    assert sheet.labelled() == [("PARIS", "PERSON")]


def test_a_tap_marks_a_word(make_sheet):
    phone = make_sheet(viewport={"width": 420, "height": 700}, has_touch=True, is_mobile=True)
    phone.open(LETTER)
    phone.page.evaluate("() => board.keep()")
    for words in ("Oslo", "Paris"):
        box = phone.box(words)
        phone.page.touchscreen.tap(box["x"], box["y"])
    assert phone.labelled() == [("Oslo", "PERSON"), ("Paris", "PERSON")]
    box = phone.box("Oslo")
    phone.page.touchscreen.tap(box["x"], box["y"])
    assert phone.picked == "Oslo PERSON", "one that is there is picked"
    phone.page.evaluate("() => board.label('PLACE')")
    assert phone.labelled()[0] == ("Oslo", "PLACE")
