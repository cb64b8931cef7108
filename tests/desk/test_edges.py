"""White space at the edges of what is marked: left out of what people mark, and kept in what came so."""

from __future__ import annotations


def test_white_space_at_the_edges_is_never_marked(sheet):
    sheet.open("Ada\u00a0 Bo,  Cy ")

    sheet.drag("\u00a0 Bo", ",", modifier="Alt")
    assert sheet.selection == "Bo,"
    sheet.press("1")
    assert sheet.labelled() == [("Bo,", "PERSON")]
    sheet.press("Escape")
    sheet.drag("\u00a0 ", " B", modifier="Alt")
    sheet.page.evaluate("() => board.choose({ start: 3, end: 5 })")
    sheet.press("2")
    assert sheet.labelled() == [("Bo,", "PERSON")], "white space alone is nothing to mark"
    assert sheet.said == "Choose some words first."


def test_an_edge_that_moves_by_characters_goes_over_white_space_at_once(sheet):
    sheet.open("Ada  Bo  ", spans=[{"start": 0, "end": 3, "label": "PERSON"}])
    sheet.press("]", "Alt+Shift+ArrowRight")
    assert sheet.labelled() == [("Ada  B", "PERSON")]
    sheet.press("Alt+Shift+ArrowLeft")
    assert sheet.labelled() == [("Ada", "PERSON")]
    for _ in range(4):
        sheet.press("Alt+Shift+ArrowRight")
    assert sheet.labelled() == [("Ada  Bo", "PERSON")], "and stays where nothing more is to be seen"


def test_edges_that_came_with_white_space_are_kept_until_somebody_moves_them(sheet):
    sheet.open("see  Bo and Bo", spans=[{"start": 3, "end": 7, "label": "PERSON"}])
    sheet.press("]", "2")
    assert sheet.labelled() == [("  Bo", "PLACE")]
    sheet.press("Shift+Space")
    assert sheet.labelled() == [("  Bo", "PLACE"), ("Bo", "PLACE")], "of those like it only the words"
    sheet.press("Control+z", "[")
    sheet.press("Shift+ArrowRight")
    assert sheet.labelled() == [("Bo and", "PLACE")]
