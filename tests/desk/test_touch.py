"""Fingers: taps, the browser's own selection with its handles, and grips at what is picked."""

from __future__ import annotations

import pytest

LETTER = "Ada Berg, of Oslo, works in Paris. She likes Oslo."


@pytest.fixture
def phone(make_sheet):
    return make_sheet(viewport={"width": 420, "height": 700}, has_touch=True, is_mobile=True)


def test_a_tap_takes_a_word_or_a_mark(phone):
    phone.open(LETTER, spans=[{"start": 13, "end": 17, "label": "PLACE"}])

    box = phone.box("Paris")
    phone.page.touchscreen.tap(box["x"], box["y"])
    assert phone.selection == "Paris"
    phone.page.evaluate("() => board.label('PLACE')")
    assert phone.labelled() == [("Oslo", "PLACE"), ("Paris", "PLACE")]
    box = phone.box("Oslo")
    phone.page.touchscreen.tap(box["x"], box["y"])
    assert phone.picked == "Oslo PLACE"


def test_what_a_finger_selected_is_labelled_whole_and_its_handles_stay(phone):
    phone.open(LETTER)

    phone.page.evaluate(
        """() => {
             const { firstChild } = document.querySelector('#text');
             getSelection().setBaseAndExtent(firstChild, 1, firstChild, 6);
           }"""
    )
    phone.page.wait_for_function("() => board.selection?.end === 8")
    assert phone.selection == "da Be", "as the finger left it"
    phone.page.evaluate("() => board.label('PERSON')")
    assert phone.labelled() == [("Ada Berg", "PERSON")]


def test_a_finger_selects_on_a_screen_that_has_a_mouse_too(make_sheet):
    laptop = make_sheet(has_touch=True)
    laptop.open(LETTER)
    box = laptop.box("Paris")
    laptop.page.touchscreen.tap(box["x"], box["y"])

    laptop.page.evaluate(
        """() => {
             const { firstChild } = document.querySelector('#text');
             getSelection().setBaseAndExtent(firstChild, 14, firstChild, 16);
           }"""
    )
    laptop.page.wait_for_function("() => board.selection?.start === 13 && board.selection.end === 17")


def test_a_finger_drags_the_edge_of_what_is_picked(phone):
    phone.open(LETTER, spans=[{"start": 13, "end": 17, "label": "PLACE"}])
    box = phone.box("Oslo")
    phone.page.touchscreen.tap(box["x"], box["y"])
    x, y = phone.middle(".handle.end")
    to = phone.box("works")

    finger = phone.page.context.new_cdp_session(phone.page)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": (x + to["x"]) / 2, "y": to["y"]}]),
        ("touchMove", [{"x": to["x"], "y": to["y"]}]),
        ("touchEnd", []),
    ):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    assert phone.frame().labelled() == [("Oslo, works", "PLACE")]


def test_grips_are_large_enough_for_fingers(phone):
    phone.open(LETTER, spans=[{"start": 13, "end": 17, "label": "PLACE"}])
    box = phone.box("Oslo")
    phone.page.touchscreen.tap(box["x"], box["y"])
    assert phone.page.locator(".handle.end").bounding_box()["width"] >= 24
