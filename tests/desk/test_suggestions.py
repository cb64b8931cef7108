"""Deciding on suggestions at the sheet, one by one and many at once, in a real Chromium."""

from __future__ import annotations

from tests.desk.sheet import span

LETTER = "Ada Berg, of Oslo, works in Paris. She likes Oslo."


def test_suggestions_are_accepted_rejected_and_corrected(sheet):
    sheet.open(LETTER, span("s0", 0, 3, "PERSON"), span("s1", 13, 17, "PERSON"), span("s2", 28, 33, "PLACE"))

    sheet.press("Shift+ArrowRight")
    assert sheet.labelled() == [("Ada Berg", "PERSON")], "other edges accept in one motion"
    sheet.press("Tab", "2")
    assert sheet.labelled() == [("Ada Berg", "PERSON"), ("Oslo", "PLACE")], "and so does another label"
    sheet.press("Tab", "Delete")
    assert sheet.suggested() == []
    assert sheet.said == "All suggestions are decided."
    assert sheet.verdicts() == {"s0": "correct", "s1": "correct", "s2": "reject"}
    sheet.press("Control+z", "Tab", "Space")
    assert sheet.verdicts()["s2"] == "accept"


def test_a_suggestion_gives_way_to_what_a_person_marked(sheet):
    sheet.open(LETTER, span("s0", 10, 17, "PERSON"), spans=[{"start": 13, "end": 17, "label": "PLACE"}])
    assert sheet.suggested() == []


def test_suggestions_that_come_later_touch_nothing(sheet):
    sheet.open(LETTER)
    sheet.press("Shift+ArrowRight", "1", "ArrowRight", "ArrowRight")
    items = [span("s0", 0, 3, "PLACE"), span("s1", 13, 17, "PLACE")]

    sheet.page.evaluate("(items) => board.offer({ id: 2, items })", items)

    assert sheet.selection == "of"
    assert sheet.labelled() == [("Ada Berg", "PERSON")]
    assert sheet.suggested() == [("Oslo", "PLACE")]
    sheet.press("Tab", "Space")
    assert not sheet.page.evaluate("() => board.offer({ id: 3, items: [] })"), "what was decided on stays"


def test_scores_are_shown_for_the_one_picked_and_on_demand_for_all(sheet):
    sheet.open(LETTER, span("s0", 13, 17, "PLACE", 0.914), span("s1", 28, 33, "PLACE", 0.6))
    names = sheet.page.locator(".name.suggested")

    assert names.all_text_contents() == ["PLACE 91%", "PLACE"]
    sheet.press("%")
    assert names.all_text_contents() == ["PLACE 91%", "PLACE 60%"]
    sheet.press("%", "Escape")
    assert names.all_text_contents() == ["PLACE", "PLACE"]


def test_all_above_a_threshold_are_accepted(sheet):
    sheet.open(LETTER, span("s0", 13, 17, "PLACE", 0.9), span("s1", 28, 33, "PLACE", 0.6))

    sheet.page.evaluate("() => board.acceptAll({ above: 0.8 })")
    assert sheet.labelled() == [("Oslo", "PLACE")]
    assert sheet.said == "Accepted one suggestion."
    sheet.press("Shift+Enter")
    assert sheet.labelled() == [("Oslo", "PLACE"), ("Paris", "PLACE")]


def test_the_same_words_are_decided_on_at_once(sheet):
    text = "Oslo and Paris, Oslo and Paris, Oslofjord"
    items = [span(f"s{i}", at, at + 4, "PLACE") for i, at in enumerate((0, 16))]
    items += [span(f"p{i}", at, at + 5, "PLACE") for i, at in enumerate((9, 25))]
    sheet.open(text, *items)

    sheet.press("Shift+Space")
    assert sheet.labelled() == [("Oslo", "PLACE"), ("Oslo", "PLACE")]
    sheet.press("Shift+Delete")
    assert sheet.suggested() == []
    assert sheet.verdicts() == {"s0": "accept", "s1": "accept", "p0": "reject", "p1": "reject"}
    sheet.press("Control+z", "Control+z")
    assert len(sheet.suggested()) == 4, "one act, one undo"


def test_a_mark_is_made_wherever_its_words_stand(sheet):
    sheet.open("Oslo. Not Oslofjord, but Oslo, and 😀 Oslo!", span("s0", 25, 29, "PLACE"))

    sheet.press("Control+Home", "2", "Shift+Space")

    assert sheet.labelled() == [("Oslo", "PLACE")] * 3
    assert sheet.said == "Labelled in 2 more places."
    assert sheet.verdicts() == {"s0": "accept"}


def test_only_what_was_in_view_for_a_while_counts_as_seen(sheet):
    text = "Ada here. " + "\n" * 60 + "Oslo there."
    sheet.open(text, span("s0", 0, 3, "PERSON"), span("s1", 70, 74, "PLACE"), span("s2", 4, 8, "PLACE"))

    sheet.page.wait_for_function("() => board.seen.has('s2')")
    assert sheet.seen == {"s0", "s2"}
    assert sheet.verdicts() == {"s0": "leave", "s2": "leave"}
    assert sheet.verdicts(complete=False) == {}
    sheet.page.evaluate("() => (document.querySelector('main').scrollTop = 1e6)")
    sheet.page.wait_for_function("() => board.seen.has('s1')")


def test_marks_and_suggestions_differ_by_more_than_colour(sheet):
    sheet.open(LETTER, span("s0", 13, 17, "PLACE"), spans=[{"start": 0, "end": 3, "label": "PLACE"}])
    styles = sheet.page.evaluate(
        """() => ['.mark.suggested', '.mark:not(.suggested)'].map((one) => {
             const style = getComputedStyle(document.querySelector(one));
             return [style.borderTopStyle, style.backgroundColor];
           })"""
    )
    assert styles[0][0] == "dashed"
    assert styles[1][0] == "none"
    assert styles[0][1] == "rgba(0, 0, 0, 0)"
