"""Any script: directions, words without spaces, characters of many code points; and what cannot be seen at all."""

from __future__ import annotations

from tests.desk.sheet import Sheet

ARABIC = "عادت آدا من باريس إلى أوسلو أمس."
FAMILY = "👨‍👩‍👧‍👦"


def answer(sheet: Sheet) -> list[dict[str, object]]:
    return list(
        sheet.page.evaluate('async () => (await import("/static/web/desk/work.js")).toAnswer(board.work).spans')
    )


def test_from_right_to_left_the_left_arrow_goes_on(sheet):
    sheet.open(ARABIC)
    assert sheet.selection == "عادت"

    sheet.press("ArrowLeft", "ArrowLeft", "Shift+ArrowLeft", "2")
    assert sheet.labelled() == [("من باريس", "PLACE")]
    sheet.press("Control+Shift+ArrowLeft")
    assert sheet.labelled() == [("باريس", "PLACE")], "the beginning is on the right"
    sheet.press("Escape", "ArrowRight")
    assert sheet.selection == "من"


def test_a_name_stands_where_its_words_begin_on_the_right(sheet):
    sheet.open(ARABIC, spans=[{"start": 12, "end": 17, "label": "PLACE"}])

    name, words = sheet.page.locator(".name").bounding_box(), sheet.box("باريس")
    assert abs(name["x"] + name["width"] - words["right"]) < 1
    gutter = sheet.page.evaluate("() => getComputedStyle(document.querySelector('#text')).borderRightWidth")
    assert gutter == "1px", "and so does the margin line"


def test_each_line_has_its_own_direction(sheet):
    sheet.open(f"Ada wrote.\n{ARABIC}\nKurt came.")

    sheet.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert sheet.selection == "عادت"
    sheet.press("ArrowLeft")
    assert sheet.selection == "آدا"
    sheet.press("Control+End")
    sheet.press("ArrowLeft")
    assert sheet.selection == "came"


def test_a_span_over_both_directions_has_a_box_for_each_part(sheet):
    text = "Ada said שלום עולם to him."
    sheet.open(text, spans=[{"start": 4, "end": 13, "label": "PLACE"}])

    boxes = sheet.page.locator(".mark").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().width)")
    words = [sheet.box(part) for part in ("said ", "שלום")]
    assert len(boxes) == 2
    assert abs(sum(boxes) - sum(box["right"] - box["left"] for box in words)) < 2


def test_chinese_and_japanese_go_word_by_word(sheet):
    sheet.open("我住在北京。東京に住む。")

    while sheet.selection != "北京":
        sheet.press("ArrowRight")
    sheet.press("2")
    sheet.click("東京", count=2)
    sheet.press("2")

    assert sheet.labelled() == [("北京", "PLACE"), ("東京", "PLACE")]
    sheet.click("住む", count=3)
    assert sheet.selection == "東京に住む。"


def test_no_step_cuts_through_a_character(sheet):
    sheet.open(f"The {FAMILY} cafe\u0301 🇳🇴 ends")

    sheet.press("ArrowRight", "1")
    assert sheet.labelled() == [(FAMILY, "PERSON")]
    sheet.press("Alt+Shift+ArrowRight", "Alt+Shift+ArrowRight", "Alt+Shift+ArrowLeft", "Alt+Shift+ArrowLeft")
    assert sheet.labelled() == [(FAMILY, "PERSON")]
    sheet.press("Alt+Shift+ArrowLeft")
    assert sheet.labelled() == [(FAMILY, "PERSON")], "one character cannot get smaller"
    sheet.press("Escape", "ArrowRight", "2", "Alt+Shift+ArrowLeft")
    assert sheet.labelled()[1] == ("caf", "PLACE"), "an accent goes with its letter"
    sheet.press("Alt+Shift+ArrowRight")
    assert sheet.labelled()[1] == ("cafe\u0301", "PLACE")


def test_offsets_count_code_points(sheet):
    text = f"😀 {FAMILY} Ada 𝒳 Oslo"
    sheet.open(text)

    sheet.click("Oslo")
    sheet.press("2")
    sheet.drag("Ada", "Ada")
    sheet.press("1")

    assert answer(sheet) == [
        {"start": text.index("Ada"), "end": text.index("Ada") + 3, "label": "PERSON"},
        {"start": text.index("Oslo"), "end": text.index("Oslo") + 4, "label": "PLACE"},
    ]


def test_line_ends_of_any_kind_and_tabs_keep_their_place(sheet):
    text = "one\r\ntwo\tthree\n\n\nfour"
    sheet.open(text)
    assert sheet.page.evaluate("() => document.querySelector('#text').firstChild.data") == text

    sheet.press("ArrowRight", "1", "ArrowRight", "2", "ArrowDown", "3")

    assert [(one["start"], one["end"]) for one in answer(sheet)] == [(5, 8), (9, 14), (17, 21)]


def test_other_keyboards_reach_labels_by_the_place_of_the_key(sheet):
    kinds = [{"kind": "span", "name": "PERSON", "color": "#2563eb", "key": "p"}]
    sheet.open("Ада писала", labels=kinds)
    sheet.page.evaluate(
        "() => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', "
        "{ key: 'з', code: 'KeyP', bubbles: true }))"
    )
    assert sheet.labelled() == [("Ада", "PERSON")]


def test_invisible_characters_are_shown_on_wish_and_the_text_is_untouched(sheet):
    text = "a b\tc\u00a0d\u200be\u200df\u202eg\u202c\x07h\n😀 i"
    sheet.open(text)
    assert sheet.page.locator(".blank").count() == 0

    sheet.press("_")
    signs = sheet.page.locator(".blank").all_text_contents()
    assert signs == ["·", "→", "⍽", "ZWSP", "ZWJ", "RLO", "PDF", "U+0007", "↵", "·"]
    assert sheet.page.evaluate("() => document.querySelector('#text').textContent") == text
    box, space = sheet.page.locator(".blank").last.bounding_box(), sheet.box(" i")
    assert abs(box["x"] - space["left"]) < 2, "beside characters that take two units, too"
    sheet.press("_")
    assert sheet.page.locator(".blank").count() == 0
