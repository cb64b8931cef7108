"""What stands beside the text, with the whole page around it."""

from __future__ import annotations

from tests.desk.bench import Bench

LETTER = "Ada Berg, of Oslo, works in Paris. She likes Oslo."


def test_a_flag_is_seen_and_a_call_for_help_is_not_lost_by_it(place, context):
    bench = Bench(place, "flagged", LETTER)
    desk = bench.desk(context)
    page = desk.page

    assert not page.is_visible("#flagged")
    desk.press("!")
    assert page.inner_text("#flagged") == "Flagged"
    desk.press("!")
    assert not page.is_visible("#flagged")
    desk.press(";")
    page.get_by_label("I need help with this document").check()
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#flagged:has-text('Needs help')")
    assert page.inner_text("#flagged") == "Needs help"
    desk.press("!").says("You asked for help with it")
    assert page.inner_text("#flagged") == "Needs help"


def test_the_panel_says_which_label_is_in_hand_and_letters_lead_about(place, context):
    bench = Bench(place, "hand", LETTER, LETTER.upper())
    desk = bench.desk(context)
    page, first = desk.page, desk.document

    page.get_by_role("button", name="Keep in hand").click()
    shown = page.locator("#spans button", has=page.locator(".in-hand"))
    assert shown.inner_text().split() == ["PERSON", "in", "hand", "1"]
    desk.press("Shift+O", "Space", "f", "p", "a", "Enter", "2").submit().settled()
    assert shown.count() == 1, "in the next text, too"
    page.keyboard.press("+")
    assert shown.count() == 0
    desk.saved()
    answer = bench.answer(first)
    assert [(one["start"], one["label"]) for one in answer["spans"]] == [(10, "PERSON"), (28, "PLACE")]
