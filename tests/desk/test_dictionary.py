"""The dictionary at the desk: words that were marked are suggested again at once, in the open text and in the next."""

from __future__ import annotations

import random
from typing import Any

import pytest
from playwright.sync_api import Route

from tests.desk.bench import Bench, watched
from tests.desk.sheet import Sheet, span
from words.tokens import tokens

TEXT = "Ada met Bob. ADA knows Adam, and Bob knows ada."
ADA = {"start": 0, "end": 3, "label": "PERSON"}


def term(text: str, words: str, label: str, source: str = "accepted", times: int = 3) -> dict[str, Any]:
    start = text.index(words)
    found = {"start": start, "end": start + len(words), "label": label}
    return found | {"score": 0.8, "source": source, "times": times}


@pytest.mark.parametrize(
    ("text", "words", "again"),
    [
        (TEXT, "Ada", ["ADA", "ada"]),
        ("محمد علي هنا. قال محمد علي إن محمدا هناك.", "محمد علي", ["محمد علي"]),
        ("王小明住在北京。王小明和王小来。", "王小明", ["王小明"]),
        ("प्रिया और सुप्रिया। प्रिया!", "प्रिया", ["प्रिया"]),
        ("𝒜 😀 Zoe\u0308: zo\u00eb", "Zoe\u0308", ["zo\u00eb"]),
    ],
    ids=["Latin", "Arabic", "Chinese", "Hindi", "astral"],
)
def test_the_words_of_a_mark_are_suggested_wherever_else_they_stand(
    sheet: Sheet, text: str, words: str, again: list[str]
):
    sheet.open(text, terms=[])
    sheet.page.evaluate("(words) => board.choose(board.text.all(words)[0])", words)

    sheet.press("1").frame()

    assert sheet.labelled() == [(words, "PERSON")]
    assert sheet.suggested() == [(one, "PERSON") for one in again]


def test_undo_takes_them_back_and_a_verdict_is_given_by_the_same_keys(sheet: Sheet):
    sheet.open(TEXT, terms=[])

    sheet.press("1", "Tab").frame()
    picked, said = sheet.picked, sheet.said
    sheet.press(" ").press("Delete").frame()
    decided = sheet.labelled(), sheet.suggested(), sheet.of_terms(TEXT)
    sheet.press("Control+z", "Control+z", "Control+z").frame()

    assert picked == "ADA PERSON marked in this text"
    assert said == "Suggested PERSON: ADA (marked in this text)"
    assert decided == (
        [("Ada", "PERSON"), ("ADA", "PERSON")],
        [],
        [("ADA", "PERSON", "document", "accept"), ("ada", "PERSON", "document", "reject")],
    )
    assert sheet.labelled() == sheet.suggested() == sheet.of_terms(TEXT) == []


def test_what_is_turned_down_more_often_than_marked_is_suggested_no_more(sheet: Sheet):
    text = "I said: I think I am what I am."
    sheet.open(text, terms=[])

    sheet.press("1", "Tab", "Delete", "Delete").frame()

    assert sheet.suggested() == []
    assert [verdict for *_, verdict in sheet.of_terms(text)] == ["reject", "reject"]


def test_terms_say_where_they_come_from_and_a_mark_of_this_text_has_the_last_word(sheet: Sheet):
    places = [term(TEXT, "Ada", "PERSON"), term(TEXT, "Bob", "PLACE", "list", 0)]
    later = [{**places[1], "start": 33, "end": 36}]
    sheet.open(TEXT, terms=places + later)

    first = sheet.picked
    sheet.press("Tab").frame()
    second, waiting = sheet.picked, sheet.suggested()
    sheet.press("1").frame()

    assert first == "Ada PERSON marked 3 times before"
    assert second == "Bob PLACE in the term list"
    assert waiting == [("Ada", "PERSON"), ("Bob", "PLACE"), ("Bob", "PLACE")]
    assert sheet.labelled() == [("Bob", "PERSON")]
    assert sheet.suggested() == [("Ada", "PERSON"), ("Bob", "PERSON")]
    assert ("Bob", "PLACE", "list", "correct") in sheet.of_terms(TEXT)


def test_a_model_that_has_looked_takes_the_dictionarys_place(sheet: Sheet):
    sheet.open(TEXT, terms=[term(TEXT, "Ada", "PERSON"), term(TEXT, "Bob", "PERSON"), term(TEXT, "knows", "PLACE")])
    sheet.press(" ").frame()

    offered = sheet.page.evaluate(
        "(items) => board.offer({ id: 7, items })", [span("s0", 8, 11, "PLACE"), span("s1", 44, 46, "PLACE")]
    )
    sheet.frame()

    assert offered
    assert sheet.labelled() == [("Ada", "PERSON")]
    assert sheet.suggested() == [("Bob", "PLACE"), ("ADA", "PERSON"), ("da", "PLACE")]
    assert ("Ada", "PERSON", "accepted", "accept") in sheet.of_terms(TEXT)
    assert not [words for words, _, source, _ in sheet.of_terms(TEXT) if source == "accepted" and words != "Ada"]


def test_of_terms_that_lie_over_each_other_the_longest_is_suggested(sheet: Sheet):
    text = "Ada Lovelace and Ada met ADA LOVELACE and ada."
    sheet.open(text, terms=[])
    for place in ("{ start: 0, end: 12 }", "{ start: 17, end: 20 }"):
        sheet.page.evaluate(f"() => {{ board.choose({place}); board.label('PERSON'); }}")

    assert sheet.frame().suggested() == [("ADA LOVELACE", "PERSON"), ("ada", "PERSON")]


def test_where_the_dictionary_has_no_say_nothing_is_suggested_again(sheet: Sheet):
    sheet.open(TEXT)

    sheet.press("1").frame()

    assert sheet.suggested() == []


def test_words_end_where_they_do_on_the_server(sheet: Sheet):
    dice = random.Random(4)
    signs = "ab \n\u00e9e\u0301.,1\u0664\u0645\u0646\u064f\u0932\u094d\u093f\u4e2d\u56fd\U00020000\u30ab\uac00"
    signs += "\u0e01\u0e49\U0001f600\U0001f3fd\u200d\u200c\ufeff\xad\x1c\x85\u3000\u05d0\u05bc&'-_\U000e0061"
    texts = ["".join(dice.choices(signs, k=dice.randint(1, 30))) for _ in range(400)]
    sheet.open("")

    found = sheet.page.evaluate(
        """async (texts) => {
             const { tokensOf } = await import("/static/web/desk/terms.js");
             const { Text } = await import("/static/web/desk/offsets.js");
             return texts.map((string) => {
               const text = new Text(string);
               return tokensOf(string).map(([start, end]) => [text.point(start), text.point(end)]);
             });
           }""",
        texts,
    )

    assert found == [[list(place) for place in tokens(text)] for text in texts]


def test_an_act_in_a_text_of_5000_words_costs_little_more_for_it(sheet: Sheet):
    """In processor time of the page, for which others on the machine do not count."""
    dice = random.Random(4)
    names = [f"Name{i}" for i in range(200)]
    text = " ".join(
        dice.choice(names if dice.random() < 0.1 else ["and", "so", "it", "goes", "on"]) for _ in range(5000)
    )
    mark = "() => { board.choose(board.tokens.at(%d), { reveal: false }); board.label('PERSON'); }"
    sheet.open(text, terms=[])
    for start in range(0, 2000, 100):
        sheet.page.evaluate(mark % start)

    spent = min(sheet.cost(mark % start) for start in (2100, 2900, 3700))

    assert spent < 100


def test_a_document_that_was_faster_than_the_answer_that_taught_hears_of_it(place, context):
    bench = Bench(place, "meanwhile", "Ada Lovelace wrote.", "We read Ada Lovelace.")
    desk = bench.desk(context)
    desk.page.wait_for_function("() => !document.querySelector('#desk').desk.sitting.shelf.filling")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    desk.page.route("**/annotation", hold)
    desk.page.evaluate(
        """() => {
             const { board, sitting } = document.querySelector("marginalia-desk").desk;
             const start = board.text.string.indexOf("Ada Lovelace");
             board.choose({ start, end: start + 12 });
             sitting.shelf.sheets = [];
           }"""
    )

    desk.press("1").submit()
    assert desk.suggested() == []
    for route in held:
        route.continue_()

    desk.notes("From the dictionary")
    assert desk.suggested() == [("Ada Lovelace", "PERSON")]


def test_what_was_marked_in_one_document_is_suggested_in_the_next(place, context):
    texts = ("Ada Lovelace wrote.", "We read ada lovelace.", "Then Ada Lovelace slept.")
    bench = Bench(place, "dictionary", *texts)
    desk = bench.desk(context)
    errors: list[str] = []
    watched(desk.page, errors)
    desk.page.evaluate(
        """() => {
             const { board } = document.querySelector("marginalia-desk");
             const start = board.text.string.toLowerCase().indexOf("ada lovelace");
             board.choose({ start, end: start + 12 });
           }"""
    )

    desk.press("1").submit()
    desk.notes("From the dictionary")
    suggested = desk.suggested()
    desk.press("Escape", "Control+Home", "Tab", "Space").submit()
    desk.notes("From the dictionary")
    desk.press("Escape", "Control+Home", "Tab", "Delete").submit().saved()

    assert [(words.lower(), label) for words, label in suggested] == [("ada lovelace", "PERSON")]
    counts = {"accept": 1, "reject": 1, "correct": 0, "leave": 0, "rate": 0.5}
    assert bench.api("GET", f"/projects/{bench.project}/stats")["dictionary"] == counts
    assert errors == []
