"""Marking a text with keys, mouse and fingers, in a real Chromium: what a person does and what they see then."""

from __future__ import annotations

from tests.desk.sheet import span

LETTER = "Ada Berg, of Oslo, works in Paris. She likes Oslo."


# --- by keyboard ------------------------------------------------------------------------------------------------------


def test_words_are_chosen_labelled_and_labelled_anew_by_key(sheet):
    sheet.open(LETTER)
    assert sheet.selection == "Ada"

    sheet.press("Shift+ArrowRight", "1", "ArrowRight", "ArrowRight", "ArrowRight")
    assert sheet.selection == "Oslo", "from mark of punctuation to word"
    sheet.press("1", "2")

    assert sheet.labelled() == [("Ada Berg", "PERSON"), ("Oslo", "PLACE")]
    assert sheet.said == "PLACE: Oslo"


def test_the_cursor_goes_by_line_sentence_and_text(make_sheet):
    sheet = make_sheet(viewport={"width": 420, "height": 700})
    sheet.open("One two three four five six seven eight nine ten eleven twelve. Second one here.\n\nLast line")

    sheet.press("ArrowRight", "ArrowDown")
    second = sheet.box(sheet.selection)
    assert second["top"] > sheet.box("One")["bottom"]
    sheet.press("ArrowUp")
    assert sheet.selection == "two"
    sheet.press("End")
    assert sheet.selection == "."
    sheet.press("End", "Home")
    assert sheet.selection == "Second"
    sheet.press("Home")
    assert sheet.selection == "One"
    sheet.press("Control+End")
    assert sheet.selection == "line"
    sheet.press("ArrowUp")
    assert sheet.selection != "line", "over the empty line"
    sheet.press("Control+Home")
    assert sheet.selection == "One"


def test_both_edges_move_by_word_and_by_character(sheet):
    sheet.open(LETTER, spans=[{"start": 13, "end": 17, "label": "PLACE"}])
    sheet.press("]")
    assert sheet.picked == "Oslo PLACE"

    sheet.press("Alt+Shift+ArrowLeft")
    assert sheet.labelled() == [("Osl", "PLACE")]
    sheet.press("Control+Alt+Shift+ArrowRight")
    assert sheet.labelled() == [("sl", "PLACE")]
    sheet.press("Shift+ArrowRight", "Control+Shift+ArrowLeft", "Control+Shift+ArrowLeft")
    assert sheet.labelled() == [("of Oslo", "PLACE")]
    sheet.press("Control+Shift+ArrowRight", "Shift+ArrowRight")
    assert sheet.labelled() == [("Oslo,", "PLACE")]


def test_a_selection_extends_by_line_and_to_the_sentence_end(make_sheet):
    sheet = make_sheet(viewport={"width": 420, "height": 700})
    sheet.open("One two three four five six seven eight nine ten eleven twelve. Second one here.")

    sheet.press("Shift+ArrowDown")
    assert sheet.selection.startswith("One two three")
    sheet.press("Shift+ArrowUp")
    assert sheet.selection == "One"
    sheet.press("Shift+End")
    assert sheet.selection == "One two three four five six seven eight nine ten eleven twelve."


def test_marks_do_not_run_into_each_other_where_they_may_not_overlap(sheet):
    sheet.open(LETTER, spans=[{"start": 0, "end": 8, "label": "PERSON"}, {"start": 10, "end": 12, "label": "PLACE"}])

    sheet.press("]", "Shift+ArrowRight", "Shift+ArrowRight")

    assert sheet.labelled() == [("Ada Berg,", "PERSON"), ("of", "PLACE")]
    assert sheet.said == "Another mark is in the way."


def test_undo_and_redo_have_no_end_and_show_where(sheet):
    sheet.open("one two three four")
    for _ in range(4):
        sheet.press("1", "ArrowRight")
    sheet.press("[", "Delete", "Control+Home")

    for left in (4, 3, 2, 1, 0):
        sheet.press("Control+z")
        assert len(sheet.labelled()) == left
    assert sheet.selection == "one"
    sheet.press("Control+z")
    for there in (1, 2, 3, 4, 3):
        sheet.press("Control+Shift+z")
        assert len(sheet.labelled()) == there
    sheet.press("Control+y")
    assert len(sheet.labelled()) == 3


def test_brackets_go_from_mark_to_mark_and_tab_from_suggestion_to_suggestion(sheet):
    marks = [{"start": 0, "end": 3, "label": "PERSON"}, {"start": 45, "end": 49, "label": "PLACE"}]
    sheet.open(LETTER, span("s0", 13, 17, "PLACE"), span("s1", 28, 33, "PLACE"), spans=marks)

    assert sheet.picked == "Oslo PLACE 90%", "what waits comes first"
    sheet.press("Tab")
    assert sheet.picked == "Paris PLACE 90%"
    sheet.press("Shift+Tab")
    assert sheet.picked == "Oslo PLACE 90%"
    sheet.press("]")
    assert sheet.picked == "Oslo PLACE"
    sheet.press("[")
    assert sheet.picked == "Ada PERSON"


def test_the_first_character_can_be_clicked_on_either_half(sheet):
    sheet.open(LETTER)
    box = sheet.box("A")
    for x in (box["left"] + 1, box["right"] - 1):
        sheet.press("ArrowRight")
        sheet.page.mouse.click(x, (box["top"] + box["bottom"]) / 2)
        assert sheet.frame().selection == "Ada"


# --- by mouse ---------------------------------------------------------------------------------------------------------


def test_a_drag_takes_whole_words_and_with_alt_exact_characters(sheet):
    sheet.open(LETTER)

    sheet.drag("da Be", "Ber")
    assert sheet.selection == "Ada Berg"
    sheet.drag("sl", "sl", modifier="Alt")
    assert sheet.selection == "sl"


def test_a_drag_runs_over_names_as_if_they_were_not_there(make_sheet):
    sheet = make_sheet(viewport={"width": 420, "height": 700})
    text = "One two three four five six seven eight nine ten eleven twelve thirteen."
    at = text.index("eight")
    sheet.open(
        text, spans=[{"start": at, "end": at + 5, "label": "PLACE"}, {"start": at + 6, "end": at + 10, "label": "DRUG"}]
    )

    name = sheet.page.locator(".name").first.bounding_box()
    start, chosen = sheet.box("two"), []
    sheet.page.mouse.move(start["left"] + 1, start["y"])
    sheet.page.mouse.down()
    for step in range(0, 12, 2):
        sheet.page.mouse.move(name["x"] + 10 + step, name["y"] + step)
        chosen.append(sheet.selection)
    sheet.page.mouse.up()
    sheet.frame()

    assert all(len(words) < 40 for words in chosen), chosen
    assert sheet.selection.startswith("two three")
    assert not sheet.page.locator(".selecting").count()


def test_what_is_chosen_stays_while_somebody_writes_elsewhere(sheet):
    sheet.open(LETTER)
    sheet.press("ArrowRight")
    sheet.page.evaluate("() => document.body.insertAdjacentHTML('afterbegin', '<textarea>some words</textarea>')")
    sheet.page.locator("textarea").select_text()

    assert sheet.page.locator(".choice i").count() == 1
    sheet.page.evaluate("(items) => board.offer({ id: 2, items })", [span("s0", 13, 17, "PLACE")])
    sheet.page.keyboard.type("written")
    assert sheet.page.input_value("textarea") == "written", "suggestions that come do not take the cursor"


def test_clicks_take_a_word_and_a_sentence(sheet):
    sheet.open(LETTER)

    sheet.click("likes")
    assert sheet.selection == "likes"
    sheet.click("works", count=2)
    assert sheet.selection == "works"
    sheet.click("likes", count=3)
    assert sheet.selection == "She likes Oslo."


def test_the_very_ends_of_a_text_are_clicked(sheet):
    sheet.open(LETTER)
    first, last = sheet.box("Ada"), sheet.box("Oslo.")

    sheet.page.mouse.click(last["right"] - 1, last["y"])
    assert sheet.frame().selection == "."
    sheet.page.mouse.click(first["left"] + 1, first["y"])
    assert sheet.frame().selection == "Ada"
    sheet.page.mouse.click(last["right"] + 200, last["bottom"] + 60)
    assert sheet.frame().selection == ".", "beyond the end is the end"


def test_clicking_again_goes_through_marks_over_each_other(sheet):
    text = "The University of Oslo hospital"
    spans = [
        {"start": 4, "end": 31, "label": "DRUG"},
        {"start": 4, "end": 22, "label": "PERSON"},
        {"start": 18, "end": 22, "label": "PLACE"},
    ]
    sheet.open(text, overlap=True, spans=spans)

    for picked in ("Oslo PLACE", "University of Oslo PERSON", "University of Oslo hospital DRUG", "Oslo PLACE"):
        sheet.click("Oslo")
        assert sheet.picked == picked
    sheet.press(">")
    assert sheet.picked == "University of Oslo PERSON"
    sheet.press("<")
    assert sheet.picked == "Oslo PLACE"


def test_the_same_words_take_two_labels_where_spans_may_overlap(sheet):
    sheet.open(LETTER, overlap=True)

    sheet.press("1", "Escape", "2")
    assert sheet.labelled() == [("Ada", "PERSON"), ("Ada", "PLACE")]
    rows = sheet.page.locator(".name").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().top)")
    assert rows[0] != rows[1], "both names can be read"
    sheet.press("3")
    assert sorted(sheet.labelled()) == [("Ada", "DRUG"), ("Ada", "PERSON")], "what is picked changes, the other stays"


def test_a_click_on_a_name_picks_the_mark(sheet):
    sheet.open(LETTER, spans=[{"start": 13, "end": 17, "label": "PLACE"}])
    sheet.page.mouse.click(*sheet.middle(".name"))
    assert sheet.picked == "Oslo PLACE"


def test_the_edges_of_what_is_picked_are_dragged(sheet):
    sheet.open(LETTER, spans=[{"start": 13, "end": 17, "label": "PLACE"}])
    sheet.click("Oslo")

    to = sheet.box("works")
    sheet.pull(sheet.middle(".handle.end"), (to["x"], to["y"]))
    assert sheet.labelled() == [("Oslo, works", "PLACE")]
    to = sheet.box("Berg")
    sheet.pull(sheet.middle(".handle.start"), (to["right"] - 2, to["y"]))
    assert sheet.labelled() == [("Berg, of Oslo, works", "PLACE")]
    sheet.press("Control+z")
    assert sheet.labelled() == [("Oslo, works", "PLACE")], "a drag is one act"


def test_an_edge_that_is_dragged_to_the_end_of_the_view_scrolls_on(make_sheet):
    sheet = make_sheet(viewport={"width": 600, "height": 400})
    text = " ".join(f"word{i}" for i in range(400))
    sheet.open(text, spans=[{"start": 0, "end": 5, "label": "PLACE"}])
    sheet.click("word0")

    sheet.page.mouse.move(*sheet.middle(".handle.end"))
    sheet.page.mouse.down()
    sheet.page.mouse.move(300, 395, steps=4)
    sheet.page.wait_for_function("() => document.querySelector('main').scrollTop > 600")
    sheet.page.mouse.move(300, 200)
    sheet.page.mouse.up()

    far = sheet.page.evaluate("() => board.work.marks[0].end")
    assert sheet.frame().labelled()[0][0] == text[:far]
    assert far > 600
    stopped = sheet.page.evaluate("() => document.querySelector('main').scrollTop")
    assert sheet.frame().page.evaluate("() => document.querySelector('main').scrollTop") == stopped


def test_grips_show_where_the_mouse_is_and_can_be_pulled_at_once(sheet):
    sheet.open(LETTER, spans=[{"start": 13, "end": 17, "label": "PLACE"}, {"start": 0, "end": 8, "label": "PERSON"}])
    grips = sheet.page.locator(".handle")

    box = sheet.box("Oslo")
    sheet.page.mouse.move(box["x"], box["y"])
    assert grips.count() == 2
    assert sheet.picked == "", "to look at is not to pick"
    to = sheet.box("works")
    sheet.pull(sheet.middle(".handle.end"), (to["x"], to["y"]))
    assert sheet.labelled() == [("Ada Berg", "PERSON"), ("Oslo, works", "PLACE")]
    box = sheet.box("Berg")
    sheet.page.mouse.move(box["x"], box["y"])
    assert sheet.middle(".handle.start")[0] < sheet.box("Ada")["left"] + 1
    box = sheet.box("likes")
    sheet.page.mouse.move(box["x"], box["y"])
    assert sheet.middle(".handle.start")[0] > sheet.box("of")["right"], "those of what is picked come back"
    sheet.press("Escape")
    assert grips.count() == 0


def test_escape_gives_up_a_drag(sheet):
    sheet.open(LETTER, spans=[{"start": 13, "end": 17, "label": "PLACE"}])
    sheet.click("Oslo")
    to = sheet.box("Paris")
    sheet.page.mouse.move(*sheet.middle(".handle.end"))
    sheet.page.mouse.down()
    sheet.page.mouse.move(to["x"], to["y"], steps=3)
    sheet.press("Escape")
    sheet.page.mouse.up()

    assert sheet.labelled() == [("Oslo", "PLACE")]
    assert sheet.picked == "Oslo PLACE"


# --- the text never moves ---------------------------------------------------------------------------------------------

WORDS_PLACES = """() => {
  const at = board.text.all("Oslo").at(-1);
  const box = board.boxOf(at);
  return [box.left, box.top, document.querySelector('#text').offsetHeight];
}"""


def test_no_act_moves_a_word(sheet):
    sheet.open(LETTER, span("s0", 28, 33, "PLACE"), overlap=True)
    before = sheet.page.evaluate(WORDS_PLACES)

    for key in ("Space", "Control+Home", "Shift+ArrowRight", "1", "Escape", "ArrowLeft", "2", "%", "Shift+Space", "_"):
        sheet.press(key)
        assert sheet.page.evaluate(WORDS_PLACES) == before, key
    assert sheet.page.evaluate("() => document.querySelector('#text').childNodes.length") == 1


def test_on_paper_the_marks_go_with_the_words(sheet):
    sheet.open(LETTER, spans=[{"start": 13, "end": 17, "label": "PLACE"}])
    sheet.page.emulate_media(media="print")
    sheet.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")

    assert sheet.page.inner_text(".printed").strip() == "Oslo (PLACE)"
    held = sheet.page.evaluate("() => [...CSS.highlights.values()].flatMap((one) => [...one].map(String))")
    assert held == ["Oslo"]
    assert not sheet.page.is_visible(".layer.over")
    sheet.page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert sheet.page.locator(".printed").count() == 0


def test_with_forced_colours_marks_stay_to_be_seen(make_sheet):
    sheet = make_sheet(forced_colors="active")
    sheet.open(LETTER, span("s0", 28, 33, "PLACE"), spans=[{"start": 13, "end": 17, "label": "PLACE"}])
    lines = sheet.page.evaluate(
        """() => ['.mark:not(.suggested)', '.mark.suggested'].map((one) => {
             const style = getComputedStyle(document.querySelector(one));
             return [style.borderBottomStyle, style.borderBottomColor === getComputedStyle(document.body).color];
           })"""
    )
    assert lines == [["solid", True], ["dashed", True]]
    plate = sheet.page.eval_on_selector("#text", "(text) => getComputedStyle(text).forcedColorAdjust")
    assert plate == "none", "or the browser lays a plate over them"


def test_names_keep_their_contrast_whatever_the_colour(make_sheet):
    for scheme in ("light", "dark"):
        sheet = make_sheet(color_scheme=scheme)
        kinds = [
            {"kind": "span", "name": f"L{i}", "color": color, "key": ""}
            for i, color in enumerate(("#000000", "#ffffff", "#ffff00", "#0000ff", "#ff0000", "#777777"))
        ]
        words = [f"word{i} " for i in range(6)]
        spans = [{"start": i * 6, "end": i * 6 + 5, "label": f"L{i}"} for i in range(6)]
        sheet.open("".join(words), labels=kinds, spans=spans)
        sheet.press("Control+End")
        assert min(sheet.page.evaluate(CONTRASTS)) >= 4.5, scheme


CONTRASTS = """() => {
  const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const seen = (...colors) => {
    for (const color of colors) {
      pen.fillStyle = color;
      pen.fillRect(0, 0, 1, 1);
    }
    const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = getComputedStyle(document.documentElement).backgroundColor;
  return [...document.querySelectorAll('.name, .mark')].map((one) => {
    const style = getComputedStyle(one.matches('.mark') ? document.querySelector('#text') : one);
    const [a, b] = [seen(paper, getComputedStyle(one).backgroundColor), seen(paper, style.color)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
}"""


def test_boxes_follow_the_words_when_the_page_gets_narrow(sheet):
    sheet.open(LETTER * 6, spans=[{"start": 45, "end": 49, "label": "PLACE"}])
    sheet.page.set_viewport_size({"width": 420, "height": 700})
    sheet.frame()

    words, mark = sheet.box("Oslo", 1), sheet.page.locator(".mark").bounding_box()
    assert abs(mark["x"] - words["left"]) < 1
    assert abs(mark["y"] - words["top"]) < 1
