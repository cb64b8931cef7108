"""A person at the desk: one document after the other, by keys alone, with suggestions, comments, and a way back."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Request

from tests.browser import Desk
from tests.desk.bench import SUGGESTED, Bench, suggesting, verdicts, watched
from tests.install import eventually


def test_the_keyboard_alone_does_everything(place, context):
    bench = Bench(place, "keys", "Ada Berg, of Oslo, works in Paris.")
    errors: list[str] = []
    page = bench.page(context)
    watched(page, errors)
    desk = Desk(page).open(bench.url)
    assert desk.selection == "Ada"
    assert page.inner_text("#submit") == "Nothing here\nEnter"

    desk.press("Shift+ArrowRight", "1")
    assert page.inner_text("#submit") == "Done\nEnter"
    desk.press("ArrowRight", "ArrowRight", "ArrowRight", "2")
    assert desk.labelled() == [("Ada Berg", "PERSON"), ("Oslo", "PLACE")]
    desk.press("Control+End", "ArrowLeft", "2", "3")
    # Twice the dash: the second kind of relation. Tab goes from mark to mark, Space takes the ends.
    desk.press("Escape", "-", "-", "Control+Home", "Tab", "Space", "Tab", "Tab", "Space")
    assert desk.relations() == [("Ada Berg", "works in", "Paris")]
    desk.press("Control+z", "Control+y")
    assert desk.relations() == [("Ada Berg", "works in", "Paris")]
    desk.press("?")
    assert "Your earlier documents" in page.inner_text("#keys")
    desk.press("Escape")
    page.wait_for_selector("#keys", state="hidden")
    desk.press("g")
    page.wait_for_selector("#guide", state="visible")
    desk.press("Escape")
    page.wait_for_selector("#guide", state="hidden")
    desk.submit().saved()

    assert desk.finished
    answer = bench.answer("d0")
    assert [(span["start"], span["end"], span["label"]) for span in answer["spans"]] == [
        (0, 8, "PERSON"), (13, 17, "PLACE"), (28, 33, "PLACE"),
    ]  # fmt: skip
    assert answer["relations"] == [{"head": 0, "tail": 2, "label": "works in"}]
    assert answer["classes"] == {"topic": ["billing"]}
    assert answer["state"] == "submitted"
    assert 0 < answer["milliseconds"] < 120_000
    assert errors == []


def test_a_key_right_after_a_dialog_is_for_the_text(place, context):
    bench = Bench(place, "dialog", "Ada wrote.", "Bo wrote.")
    desk = bench.desk(context)
    before = desk.document
    desk.press("g", "Escape")
    desk.page.wait_for_selector("#guide", state="hidden")
    # What has the focus until the next frame, which a test cannot be sure to be before.
    desk.page.evaluate(
        """() => document.querySelector("#guide button").dispatchEvent(
             new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }))"""
    )
    desk.after(before).saved()
    assert bench.labels(before) == []


def test_the_next_document_is_there_at_once_and_each_costs_two_requests(place, context):
    bench = Bench(place, "ahead", *(f"Ada wrote letter {n}." for n in range(8)))
    desk = bench.desk(context)
    desk.page.wait_for_function("() => document.querySelector('#desk').desk.sitting.shelf.sheets.length === 2")
    asked: list[str] = []
    watch = desk.page.evaluate("() => document.querySelector('#desk').desk.config.model_url")

    def count(request: Request) -> None:
        # Now and then it asks how the model is, however many documents there are.
        if request.resource_type == "fetch" and not request.url.endswith(watch):
            asked.append(f"{request.method} {request.url.rsplit('/', 1)[-1]}")

    desk.page.on("request", count)
    shown = []

    for _ in range(4):
        shown.append(desk.document)
        before = len(asked)
        desk.page.evaluate(
            """async () => {
                 for (const key of ["1", "Enter"]) {
                   document.querySelector("#text").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
                 }
                 await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
               }"""
        )
        assert desk.document != shown[-1], "painted in the next frame"
        desk.saved()
        desk.page.wait_for_function("() => !document.querySelector('#desk').desk.sitting.shelf.filling")
        assert sorted(asked[before:]) == ["POST next", "PUT annotation"]

    assert len(set(shown)) == 4
    assert all(bench.labels(name) == ["PERSON"] for name in shown)


def test_a_page_has_its_document_before_it_asks_for_anything(place, context):
    bench = Bench(place, "first", "Ada wrote.")
    page = bench.page(context)
    page.route("**/api/**", lambda route: route.abort())

    desk = Desk(page).open(bench.url)

    assert desk.text == "Ada wrote."
    assert page.url == bench.address("d0")
    desk.press("1")
    assert desk.labelled() == [("Ada", "PERSON")]


def test_suggestions_not_looked_at_are_shown_before_it_is_done(place, context):
    long = "Ada Berg, of Oslo, works in Paris." + "\n\nMore." * 60 + "\nCarl of Rome."
    bench = Bench(place, "below", long)
    items = json.loads(json.dumps(SUGGESTED))
    start = long.index("Carl")
    items["suggestion"]["items"].append(
        {"id": "s9", "kind": "span", "start": start, "end": start + 4, "label": "PERSON", "score": 0.7}
    )
    page = bench.page(context)
    sent = suggesting(page, items)
    desk = Desk(page).open(bench.url)
    desk.press("Space", "Delete")
    page.wait_for_function("() => document.querySelector('#desk').board.seen.has('s2')")

    desk.press("Enter").says("1 suggestion was not looked at. Enter again: done.")
    assert desk.selection == "Carl"
    desk.submit().saved()

    assert verdicts(sent[0]) == {
        "s0": "accept",
        "s1": "reject",
        "s2": "reject",
        "s9": "reject",
        "r0": "leave",
        "r1": "reject",
    }


def test_what_comes_while_somebody_works_is_offered_quietly(place, context):
    bench = Bench(place, "late", "Ada Berg, of Oslo, works in Paris.")
    page = bench.page(context)
    suggesting(page, {"state": "pending", "version": 1, "suggestion": None})
    ready: list[Any] = []
    waiting = {"state": "pending", "version": 1, "suggestion": None}
    page.route("**/suggestions", lambda route: route.fulfill(json=SUGGESTED if ready else waiting))
    desk = Desk(page).open(bench.url)
    assert desk.note == "The model is looking at this text…"
    desk.press("Shift+ArrowRight", "1", "ArrowRight")

    ready.append(True)
    page.wait_for_function("() => document.querySelector('#note').textContent.startsWith('Suggestions')")

    assert desk.labelled() == [("Ada Berg", "PERSON")]
    assert desk.suggested() == [("Oslo", "PLACE"), ("Paris", "PLACE")]
    assert desk.selection == ","


def test_suggested_relations_are_taken_from_their_list(place, context):
    bench = Bench(place, "related", "Ada Berg, of Oslo, works in Paris.")
    page = bench.page(context)
    sent = suggesting(page, SUGGESTED)
    desk = Desk(page).open(bench.url)
    rows = page.locator("#suggested-relations li")
    assert "first accept “Ada Berg”, “Oslo”" in rows.first.inner_text()
    assert rows.first.locator("button:has-text('Accept')").is_disabled()

    desk.press("Space", "Space")
    rows.first.locator("button:has-text('Accept')").click()
    assert desk.relations() == [("Ada Berg", "lives in", "Oslo")]
    rows.first.locator("button:has-text('Reject')").click()
    assert rows.count() == 0
    page.click("#relation-list button:has-text('×')")
    assert desk.relations() == []
    desk.press("Control+z").submit().saved()

    assert verdicts(sent[0]) == {"s0": "accept", "s1": "accept", "s2": "reject", "r0": "accept", "r1": "reject"}
    assert bench.answer("d0")["relations"] == [{"head": 0, "tail": 1, "label": "lives in"}]


def test_all_above_a_score_are_accepted_at_once(place, context):
    bench = Bench(place, "above", "Ada Berg, of Oslo, works in Paris.")
    page = bench.page(context)
    suggesting(page, SUGGESTED)
    desk = Desk(page).open(bench.url)
    assert page.inner_text("#waiting") == "5 left"

    page.fill("#threshold", "85")
    page.click("text=Accept 2 from 85 % on")

    assert desk.labelled() == [("Ada Berg", "PERSON"), ("Oslo", "PLACE")]
    assert desk.suggested() == [("Paris", "PLACE")]


def test_an_unfinished_answer_says_nothing_of_what_was_left(place, context):
    bench = Bench(place, "unfinished", "Ada Berg, of Oslo, works in Paris.")
    page = bench.page(context)
    sent = suggesting(page, SUGGESTED)
    desk = Desk(page).open(bench.url)
    desk.press("Space", "Delete").submit("Alt+Enter").saved()

    assert verdicts(sent[0]) == {"s0": "accept", "s1": "reject"}
    answer = bench.answer("d0")
    assert (answer["state"], answer["complete"]) == ("submitted", False)
    page.unroute_all()
    assert "submitted this before, unfinished" in desk.open(bench.address("d0")).note


def test_skipping_asks_why(place, context):
    bench = Bench(place, "skips", "Ada wrote.", "Kurt wrote.", "Emmy wrote.")
    desk = bench.desk(context)
    first = desk.document
    desk.press(".")
    assert desk.page.evaluate("() => document.activeElement.id") == "skip-words"
    desk.press("Escape")
    desk.page.wait_for_selector("#skip", state="hidden")
    assert desk.document == first, "and lets go"
    desk.page.focus("button[name=act][value=skip]")
    for _ in range(3):
        desk.page.keyboard.down("Enter")
    desk.page.wait_for_selector("#skip[open]")
    assert desk.document == first, "a key that is held opens it only"
    desk.page.keyboard.up("Enter")
    desk.press("Escape")
    desk.page.wait_for_selector("#skip", state="hidden")
    desk.page.focus("#text")
    desk.press(".", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp")
    assert desk.page.input_value("#skip-words") == "Not in a language that I read"
    second = desk.submit().document
    desk.press(".")
    desk.page.go_back()
    desk.after(second).press("Enter").page.go_forward()
    assert desk.after(first).document == second, "what was on the desk when it was asked is meant, or nothing"
    desk.press(".")
    desk.page.keyboard.type("2 letters in one")
    third = desk.submit().document
    desk.submit(".", "Enter").saved()

    said = {name: bench.answer(name) for name in (first, second, third)}
    assert {answer["state"] for answer in said.values()} == {"skipped"}
    comments = [said[name]["comment"] for name in (first, second, third)]
    assert comments == ["Not in a language that I read", "2 letters in one", ""]
    assert [said[name]["revision"] for name in (first, second, third)] == [1, 1, 1]
    assert "Those that you skipped go to somebody else." in desk.page.inner_text("#finished-text")


def test_flags_and_comments_stay_with_the_document(place, context):
    bench = Bench(place, "flags", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    desk.press("!")
    assert desk.page.get_attribute("[data-act=flag]", "aria-pressed") == "true"
    desk.press(";")
    desk.page.keyboard.type("Is she the sender?")
    desk.page.check("#remark-help")
    desk.press("Control+Enter")
    desk.page.wait_for_selector("[data-act=flag]:has-text('Needs help')")
    desk.submit().saved()
    assert (bench.answer(first)["flag"], bench.answer(first)["comment"]) == ("help", "Is she the sender?")

    desk.submit(",")
    assert desk.document == first
    assert "Needs help" in desk.page.inner_text("[data-act=flag]")
    desk.press(";")
    assert desk.page.input_value("#remark-words") == "Is she the sender?"


def test_earlier_documents_are_a_key_away_and_lead_back(place, context):
    bench = Bench(place, "back", *(f"Ada wrote letter {n}." for n in range(4)))
    desk = bench.desk(context)
    first = desk.document
    second = desk.press("1").submit().document
    third = desk.press("1").submit().saved().document
    desk.press("2")

    desk.press(",").after(third)
    assert desk.document == second
    assert "You submitted this before" in desk.note
    desk.press(",").after(second)
    assert desk.document == first
    desk.press("2").submit().saved()
    assert bench.labels(first) == ["PLACE"], "another key changed the label"
    assert desk.document == third, "back to where one was"
    assert desk.labelled() == [("Ada", "PLACE")], "and to what one had done there"

    desk.press("h")
    row = desk.page.locator(f"#earlier-list button:has-text('{second}')")
    assert "done" in row.inner_text()
    row.click()
    desk.after(third)
    assert desk.document == second

    desk.press("h")
    desk.page.select_option("#earlier-state", "state=skipped")
    desk.page.wait_for_function("() => document.querySelector('#earlier-note').textContent === 'None.'")


def test_a_label_among_many_is_found_by_name(place, context):
    intents = [f"intent_{n:02}" for n in range(75)] + ["card_lost", "lost_card_abroad"]
    bench = Bench(place, "many", "My card is gone.", questions=[{"name": "intent", "choices": intents}])
    desk = bench.desk(context)
    assert desk.page.locator(".option[data-name]").count() == 77

    desk.press("/")
    desk.page.keyboard.type("lost")
    options = desk.page.locator("#palette-list [role=option]")
    assert options.all_inner_texts()[:2] == ["lost_card_abroad\nintent", "card_lost\nintent"]
    desk.page.fill("#palette-words", "abr card")
    assert options.all_inner_texts() == ["lost_card_abroad\nintent"]
    desk.page.fill("#palette-words", "lost")
    desk.press("ArrowDown", "Enter")
    assert desk.chosen() == ["card_lost"]

    desk.page.fill(".filter", "abroad")
    assert desk.page.locator(".option[data-name]:visible").count() == 1
    desk.page.press(".filter", "Enter")
    assert desk.chosen() == ["lost_card_abroad"]
    assert desk.page.evaluate("() => document.activeElement.id") == "text"
    desk.submit().saved()
    assert bench.answer("d0")["classes"] == {"intent": ["lost_card_abroad"]}


def test_marks_are_listed_for_whoever_wants_a_list(place, context):
    bench = Bench(place, "listed", "Ada Berg, of Oslo.")
    desk = bench.desk(context)
    desk.press("Shift+ArrowRight", "1", "ArrowRight", "ArrowRight", "ArrowRight", "2")

    desk.page.click("#marks-box summary")
    desk.page.wait_for_selector("#marks-list li")
    rows = desk.page.locator("#marks-list li")
    assert [row.split("\n")[0] for row in rows.all_inner_texts()] == ["Ada Berg PERSON", "Oslo PLACE"]
    rows.first.locator("button").first.click()
    assert desk.selection == "Ada Berg"
    desk.page.click('[aria-label="Remove PLACE: Oslo"]')
    assert desk.labelled() == [("Ada Berg", "PERSON")]
    assert rows.count() == 1


def test_a_conversation_and_metadata_stand_beside_the_text(place, context):
    meta = {"dialogue": [{"speaker": "Agent", "text": "How can I help?"}], "channel": "chat"}
    bench = Bench(place, "talk", lines=[{"id": "d0", "text": "My card is gone.", "meta": meta}])
    desk = bench.desk(context)
    assert desk.page.inner_text("#talk") == "Agent How can I help?"
    assert desk.page.inner_text("#meta") == "channel\nchat"


def test_held_out_documents_are_labelled_blind(place, context):
    bench = Bench(place, "blind", *(f"Ada wrote letter {n}." for n in range(20)), check_share=0.5)
    held_out = bench.api("GET", f"/projects/{bench.project}/documents?split=check")["items"][0]["external_id"]

    desk = Desk(bench.page(context)).open(bench.address(held_out))

    assert desk.note == "Held out: labelled without suggestions, to measure the model honestly."
    assert desk.suggested() == []


def test_a_touch_screen_can_label(place, browser):
    bench = Bench(place, "touch", "Ada wrote from Oslo.")
    phone = browser.new_context(viewport={"width": 420, "height": 800}, has_touch=True, is_mobile=True)
    desk = bench.desk(phone)
    box = desk._box("Oslo")
    desk.page.touchscreen.tap((box["left"] + box["right"]) / 2, box["middle"])
    desk._frame()
    desk.page.tap("[data-act=label][data-name=PLACE]")

    assert desk.labelled() == [("Oslo", "PLACE")]
    desk.page.tap("#submit")
    eventually("the answer", lambda: bench.found("d0"))
    phone.close()
