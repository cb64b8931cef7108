"""Relations between marks: drawn with keys and with the mouse, where the label set allows them."""

from __future__ import annotations

import pytest

from tests.desk.sheet import labels, span

LETTER = "Ada Berg, of Oslo, works in Paris and takes aspirin."
ADA, OSLO, PARIS, ASPIRIN = (
    {"start": 0, "end": 8, "label": "PERSON"},
    {"start": 13, "end": 17, "label": "PLACE"},
    {"start": 28, "end": 33, "label": "PLACE"},
    {"start": 44, "end": 51, "label": "DRUG"},
)
KINDS = labels(
    {"name": "lives in", "pairs": [["PERSON", "PLACE"]]},
    {"name": "takes", "pairs": [["PERSON", "DRUG"]]},
    {"name": "near"},
)


@pytest.fixture
def letter(sheet):
    return sheet.open(LETTER, labels=KINDS, spans=[ADA, OSLO, PARIS, ASPIRIN])


def test_the_keyboard_draws_a_relation_from_head_to_tail(letter):
    letter.press("]", "7", "Tab", "Space")
    assert letter.relations() == [("Ada Berg", "lives in", "Oslo")]
    assert letter.said == "Relation: Ada Berg, lives in, Oslo"
    assert letter.page.locator(".arc").count() == 1

    letter.press("Escape", "Control+Home", "-", "-", "Tab", "Space", "Tab", "Space")
    assert letter.relations()[1:] == [("Ada Berg", "takes", "aspirin")], "the dash again is the next kind"
    letter.press("Control+z", "Control+z")
    assert letter.relations() == []


def test_only_marks_that_may_be_ends_are_offered(letter):
    letter.press("Escape", "7")
    dimmed = ".name.dim"
    assert letter.page.locator(dimmed).all_text_contents() == ["PLACE", "PLACE", "DRUG"]

    letter.click("Oslo")
    assert letter.said == "lives in does not start at PLACE, but at: PERSON."
    letter.click("Ada")
    assert letter.page.locator(dimmed).all_text_contents() == ["DRUG"]
    assert letter.page.inner_text(".name >> nth=0") == "PERSON from here"
    letter.click("aspirin")
    assert letter.said == "lives in does not lead from PERSON to DRUG, but to: PLACE."
    letter.click("Paris")
    assert letter.relations() == [("Ada Berg", "lives in", "Paris")]


def test_the_mouse_pulls_a_relation_from_name_to_name(letter):
    letter.pull(letter.middle(".name >> nth=0"), letter.middle(".name >> nth=3"))
    assert letter.relations() == [("Ada Berg", "takes", "aspirin")], "the kind that may join them"

    box = letter.box("Paris")
    letter.pull(letter.middle(".name >> nth=1"), (box["x"], box["y"]))
    assert letter.relations()[1:] == [("Oslo", "near", "Paris")], "words will do as well"
    assert letter.page.locator(".rope").count() == 0


def test_while_one_is_pulled_what_cannot_be_its_end_is_dim(sheet):
    sheet.open(LETTER, labels=KINDS[:-1], spans=[ADA, OSLO, ASPIRIN])
    sheet.page.mouse.move(*sheet.middle(".name >> nth=1"))
    sheet.page.mouse.down()
    x, y = sheet.middle(".name >> nth=0")
    sheet.page.mouse.move(x, y, steps=4)

    assert sheet.page.locator(".name.dim").count() == 2
    assert sheet.page.locator(".rope").count() == 1
    sheet.page.mouse.up()
    assert sheet.said == "No relation leads from PLACE to PERSON."
    assert sheet.page.locator(".name.dim, .rope").count() == 0


def test_a_relation_is_picked_renamed_and_removed(sheet):
    sheet.open(LETTER, labels=KINDS, spans=[ADA, OSLO], relations=[{"head": 0, "tail": 1, "label": "lives in"}])

    sheet.page.mouse.click(*sheet.middle(".arc .kind"))
    assert sheet.said == "Relation: Ada Berg, lives in, Oslo"
    sheet.press("8")
    assert sheet.relations() == [("Ada Berg", "lives in", "Oslo")]
    assert sheet.said == "takes does not lead from PERSON to PLACE, but to: DRUG."
    sheet.press("9")
    assert sheet.relations() == [("Ada Berg", "near", "Oslo")]
    sheet.page.mouse.click(*sheet.middle(".arc .kind"))
    sheet.press("Delete")
    assert sheet.relations() == []
    assert len(sheet.labelled()) == 2


def test_a_label_that_a_relation_does_not_fit_takes_it_away(sheet):
    sheet.open(LETTER, labels=KINDS, spans=[ADA, OSLO], relations=[{"head": 0, "tail": 1, "label": "lives in"}])

    sheet.press("]", "3")

    assert sheet.relations() == []
    assert sheet.said == "A relation that does not fit this label was removed."
    sheet.press("Control+z")
    assert sheet.relations() == [("Ada Berg", "lives in", "Oslo")]


def test_relations_of_what_is_picked_stand_out(letter):
    letter.press("]", "7", "Tab", "Space", "Escape", "Control+End")
    assert letter.page.locator(".arc.near").count() == 0
    letter.press("[", "[")
    assert letter.picked == "Paris PLACE"
    assert letter.page.locator(".arc.near").count() == 0
    letter.press("[")
    assert letter.page.locator(".arc.near").count() == 1


def test_a_relation_to_another_line_goes_by_the_gutter(make_sheet):
    sheet = make_sheet(viewport={"width": 420, "height": 700})
    sheet.open(LETTER, labels=KINDS, spans=[ADA, ASPIRIN], relations=[{"head": 0, "tail": 1, "label": "takes"}])

    out = sheet.page.locator(".arc .line").bounding_box()
    text = sheet.box("Ada")
    assert out["x"] < text["left"] - 4, "beside the words, not through them"
    assert out["x"] >= 0


def test_a_relation_that_was_made_and_one_suggested_are_both_drawn(sheet):
    relation = {"id": "r0", "kind": "relation", "head": "s0", "tail": "s1", "label": "near", "score": 0.7}
    items = [span("s0", 28, 33, "PLACE"), span("s1", 44, 51, "DRUG"), relation]
    sheet.open(LETTER, *items, labels=KINDS, spans=[ADA, OSLO], relations=[{"head": 0, "tail": 1, "label": "lives in"}])

    assert sheet.page.locator(".arc .kind").all_text_contents() == ["lives in", "near"]
    sheet.page.mouse.click(*sheet.middle(".arc.suggested .kind"))
    assert sheet.said == "Suggested: Paris, near, aspirin"


def test_a_suggested_relation_is_dashed_and_takes_its_ends_first(sheet):
    items = [span("s0", 0, 8, "PERSON"), span("s1", 13, 17, "PLACE")]
    relation = {"id": "r0", "kind": "relation", "head": "s0", "tail": "s1", "label": "lives in", "score": 0.7}
    sheet.open(LETTER, *items, relation, labels=KINDS)

    assert sheet.page.locator(".arc.suggested").count() == 1
    dashes = sheet.page.eval_on_selector(".arc.suggested .line", "(line) => getComputedStyle(line).strokeDasharray")
    assert dashes != "none"
    sheet.press("Tab", "Tab", "Space")
    assert sheet.said == "A relation needs its spans: accept this one first."
    sheet.press("Space", "Space")
    assert sheet.relations() == []
    sheet.press("Space")
    assert sheet.relations() == [("Ada Berg", "lives in", "Oslo")]
    assert sheet.page.locator(".arc:not(.suggested)").count() == 1
    assert sheet.verdicts() == {"s0": "accept", "s1": "accept", "r0": "accept"}
