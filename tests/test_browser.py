"""The product as people meet it: a real Chromium before a whole running install, its workers and TensorFlow."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from tests.browser import Desk, chromium, sign_in
from tests.install import Client, Install, eventually, install

PEOPLE = ("Ada Berg", "Kurt Lund", "Emmy Roth", "Mary Webb", "Carl Voss", "Rosa Kern")
PLACES = ("Oslo", "Paris", "Vienna", "London", "Turin")
SPEC = {
    "name": "Letters",
    "spans": ["PERSON", "PLACE"],
    "questions": [{"name": "topic", "choices": ["billing", "delivery"]}],
    "relations": ["lives in", "works in"],
    "check_share": 0,
}


@pytest.fixture(scope="module")
def place() -> Iterator[Install]:
    with tempfile.TemporaryDirectory(prefix="marginalia-test-") as data_dir, install(Path(data_dir)) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1280, "height": 800})
    yield opened
    opened.close()


class Bench:
    """A tenant of its own with one project and one annotator, for a test that begins at the desk."""

    def __init__(self, place: Install, name: str, *texts: str, **changes: Any) -> None:
        self.place, self.slug, self.person = place, name, f"{name}-ann"
        self.api: Client = place.tenant(name, person=self.person, spec=SPEC | changes)
        self.project = self.api("GET", "/projects")["items"][0]["id"]
        lines = "\n".join(json.dumps({"id": f"d{i}", "text": text}) for i, text in enumerate(texts))
        jsonl = {"Content-Type": "application/x-ndjson"}
        self.api("POST", f"/projects/{self.project}/import", content=lines.encode(), headers=jsonl)

    @property
    def url(self) -> str:
        return f"{self.place.url}/t/{self.slug}/projects/{self.project}/desk"

    def desk(self, context: BrowserContext) -> Desk:
        return Desk(sign_in(context, self.place, self.person)).open(self.url)

    def document(self, external_id: str) -> int:
        items = self.api("GET", f"/projects/{self.project}/documents")["items"]
        return next(item["id"] for item in items if item["external_id"] == external_id)

    def answer(self, external_id: str) -> dict[str, Any]:
        found = self.api("GET", f"/documents/{self.document(external_id)}/annotation")["annotation"]
        assert found is not None, f"{external_id} has no annotation"
        return dict(found)


def words(page: Page, errors: list[str]) -> None:
    """Whatever a script throws, or the browser refuses, fails the test that watches."""
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)


def test_a_manager_makes_a_project_and_the_model_learns_from_her_labels(place, context):
    place.manage("tenant", "acme", "--name", "Acme")
    place.manage("person", "acme", "ada", "--role", "manager", "--no-password")
    errors: list[str] = []
    page = sign_in(context, place, "ada")
    words(page, errors)

    project = make_project(page)
    import_letters(page)
    label_by_hand(page)
    wait_for_a_model(page, project)
    decide_on_suggestions(page, project)
    assert errors == []


def make_project(page: Page) -> str:
    """The label set typed as people type: names one after the other, with Enter between."""
    page.click("text=New project")
    page.fill("#name", "Letters")
    page.fill("[name=span_name] >> nth=0", "PERSON")
    page.press("[name=span_name] >> nth=0", "Tab")
    page.fill("[name=span_name] >> nth=1", "PLACE")
    page.click("text=Add a question")
    page.keyboard.type("topic")
    page.fill("[name=question_choices] >> nth=0", "billing\ndelivery")
    page.click("summary")
    page.fill("#check_share", "10")
    page.click("[data-submit]")
    page.wait_for_url("**/import")
    return page.url.removesuffix("/import")


def import_letters(page: Page) -> None:
    """Two rows are broken: the page says which and why, the others go in."""
    rows = [
        json.dumps({"id": f"letter-{i}", "text": f"{PEOPLE[i % 6]} wrote from {PLACES[i % 5]} about the {what} again."})
        for i, what in ((i, "bill" if i % 2 else "parcel") for i in range(60))
    ]
    rows[3:3] = ['{"id": "empty", "text": " "}', '{"id": "cut", "te']
    content = "\n".join(rows).encode()
    page.set_input_files("#file", {"name": "letters.jsonl", "mimeType": "application/x-ndjson", "buffer": content})
    page.click("button:has-text('Import')")
    page.wait_for_selector(".badge.succeeded")
    table = page.inner_text("table")
    assert "is empty" in table
    assert "is not JSON" in table
    page.click("text=Start labelling")


def label_by_hand(page: Page) -> None:
    """The first letter by mouse, the rest with the keyboard alone."""
    desk = Desk(page).settled()
    name, _, rest = desk.text.partition(" wrote from ")
    town = rest.split(" ")[0]
    first, last = name.split(" ")
    desk.drag(first[1:], last[:2])
    assert desk.selection == name, "a drag snaps to whole words"
    page.click("[data-act=label][data-name=PERSON]")
    desk.click(town)
    page.click("[data-act=label][data-name=PLACE]")
    page.click("[data-act=choice] >> nth=0")
    assert desk.labelled() == [(name, "PERSON"), (town, "PLACE")]

    # A reload in the middle of the document loses nothing.
    page.reload()
    desk.settled()
    assert desk.labelled() == [(name, "PERSON"), (town, "PLACE")]
    assert desk.chosen() == ["billing"]
    page.click("#submit")
    desk.page.wait_for_function("() => document.querySelector('#progress-text').textContent.startsWith('1 of 60')")
    desk.settled()

    for _ in range(14):
        desk.press("Shift+ArrowRight", "1", "ArrowRight", "ArrowRight", "ArrowRight", "2")
        desk.press("3" if " bill " in desk.text else "4")
        assert [label for _, label in desk.labelled()] == ["PERSON", "PLACE"]
        desk.submit()
    assert page.inner_text("#progress-text") == "15 of 60 done"


def wait_for_a_model(page: Page, project: str) -> None:
    """The project's page comes to tell of the model by itself."""
    page.goto(project + "/")
    page.wait_for_selector(".badge.live", timeout=120_000)
    assert "v1" in page.inner_text("dl.figures")


def decide_on_suggestions(page: Page, project: str) -> None:
    """Accept, correct, reject, leave: the ledger has each, and the person's word stands."""
    desk = Desk(page).open(f"{project}/desk")
    next_with_suggestions(desk)
    assert "Suggestions from version" in desk.note
    before, held = desk.suggested(), desk.labelled()
    desk.press("Space")
    assert desk.labelled() == [*held, before[0]]
    assert before[0] not in desk.suggested()

    # A suggestion that is picked takes another label: that is a correction.
    second = desk.selection
    desk.press("1" if desk.suggested()[0][1] == "PLACE" else "2")
    assert second in [span for span, _ in desk.labelled()]
    for _ in range(waiting(page)):
        desk.press("Escape", "Home", "Tab", "Delete")
    assert waiting(page) == 0
    desk.press("Control+z", "Control+y")
    desk.submit()

    next_with_suggestions(desk)
    page.keyboard.press("Enter")
    page.wait_for_selector('#state[data-kind="warn"]')
    assert "undecided" in desk.state
    desk.submit("Control+Enter")

    page.goto(project + "/model")
    rows = [row.split()[-4:] for row in page.locator(".by-label tbody tr").all_inner_texts()]
    accepted, corrected, _rejected, _left = (sum(int(row[place]) for row in rows) for place in range(4))
    assert accepted >= 2
    assert corrected == 1


def waiting(page: Page) -> int:
    """How many suggestions wait, as the panel says."""
    return int(page.inner_text("#waiting").split(" ")[0] or 0)


def next_with_suggestions(desk: Desk) -> None:
    """Held-out letters come up among the others, without suggestions and saying so."""
    for _ in range(20):
        desk.page.wait_for_selector('#text mark.suggested, #note[data-kind="check"]')
        if len(desk.suggested()) > 1:
            return
        if not desk.suggested():
            assert desk.note == "Labelled without suggestions, to measure the model honestly."
        desk.submit("Control+Enter")
    raise AssertionError("twenty letters in a row without two suggestions")


def test_the_keyboard_alone_does_everything(place, context):
    bench = Bench(place, "keys", "Ada Berg, of Oslo, works in Paris.", "Nothing here.")
    errors: list[str] = []
    desk = bench.desk(context)
    words(desk.page, errors)
    if desk.document != "d0":
        desk.submit()

    assert desk.selection == "Ada"
    desk.press("Shift+ArrowRight", "1")
    desk.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert desk.selection == "Oslo", "from mark to mark of punctuation and word"
    desk.press("1", "2")
    assert desk.labelled() == [("Ada Berg", "PERSON"), ("Oslo", "PLACE")], "another key changes the label"
    desk.press("End", "ArrowLeft", "2")
    desk.press("Alt+Shift+ArrowLeft")
    assert desk.labelled()[2] == ("Pari", "PLACE"), "edges move by a character"
    desk.press("Control+z")
    assert desk.labelled()[2] == ("Paris", "PLACE")
    desk.press("u")
    assert len(desk.labelled()) == 2, "a letter that no label has undoes, too"
    desk.press("Control+y", "Control+y", "Control+z")
    assert len(desk.labelled()) == 3

    # Twice the dash: the second kind of relation. Tab goes from label to label, Space takes the ends.
    desk.press("-", "-", "Home", "Tab", "Space", "Tab", "Tab", "Space")
    assert desk.page.inner_text("#relation-list").split("\n")[:3] == ["Ada Berg", "works in", "Paris"]
    desk.press("Home", "Tab", "Tab", "Delete", "3")
    assert len(desk.labelled()) == 2
    desk.press("?")
    assert desk.page.is_visible("#keys")
    desk.press("Escape")
    desk.press("Enter")
    eventually("the answer", lambda: bench.api("GET", f"/projects/{bench.project}/stats")["done"] >= 1)

    answer = bench.answer("d0")
    assert answer["spans"] == [
        {"start": 0, "end": 8, "label": "PERSON"},
        {"start": 28, "end": 33, "label": "PLACE"},
    ]
    assert answer["relations"] == [{"head": 0, "tail": 1, "label": "works in"}]
    assert answer["classes"] == {"topic": ["billing"]}
    assert errors == []


SUGGESTED = {
    "state": "ready",
    "version": 1,
    "suggestion": {
        "id": 0,
        "version": 1,
        "items": [
            {"id": "s0", "kind": "span", "start": 0, "end": 8, "label": "PERSON", "score": 0.9},
            {"id": "s1", "kind": "span", "start": 13, "end": 17, "label": "PLACE", "score": 0.9},
            {"id": "s2", "kind": "span", "start": 28, "end": 33, "label": "PLACE", "score": 0.6},
            {"id": "r0", "kind": "relation", "head": "s0", "tail": "s1", "label": "lives in", "score": 0.8},
            {"id": "r1", "kind": "relation", "head": "s0", "tail": "s2", "label": "works in", "score": 0.7},
        ],
    },
}


def with_suggestions(bench: Bench, context: BrowserContext) -> tuple[Desk, list[dict[str, Any]]]:
    """The desk with a suggestion that no model had to be trained for; and what is sent from it."""
    sent: list[dict[str, Any]] = []
    page = sign_in(context, bench.place, bench.person)

    def take(route: Route) -> None:
        if route.request.method != "PUT":
            route.continue_()
            return
        sent.append(dict(route.request.post_data_json))
        # The ledger has no such suggestion: the answer goes on without its verdicts.
        route.continue_(post_data=json.dumps(sent[-1] | {"decisions": []}))

    page.route("**/annotation", take)
    page.route("**/suggestions", lambda route: route.fulfill(json=SUGGESTED))
    desk = Desk(page).open(f"{bench.place.url}/t/{bench.slug}/documents/{bench.document('d0')}")
    return desk, sent


def verdicts(body: dict[str, Any]) -> dict[str, str]:
    return {decision["item"]: decision["verdict"] for decision in body["decisions"]}


def test_suggested_relations_are_taken_with_the_spans_they_join(place, context):
    bench = Bench(place, "related", "Ada Berg, of Oslo, works in Paris.")
    desk, sent = with_suggestions(bench, context)
    rows = desk.page.locator("#suggested-relations li")
    assert rows.first.inner_text().split("\n")[:3] == ["Ada Berg", "lives in", "Oslo"]
    assert "first accept “Ada Berg” and “Oslo”" in rows.first.inner_text()
    assert rows.first.locator("button:has-text('Accept')").is_disabled()

    desk.press("Space", "Space")
    rows.first.locator("button:has-text('Accept')").click()
    desk.press("Home", "Tab", "Delete")
    assert rows.count() == 0, "a relation goes with its span"
    assert desk.page.inner_text("#relation-list").split("\n")[:3] == ["Ada Berg", "lives in", "Oslo"]
    desk.submit()

    assert verdicts(sent[0]) == {"s0": "accept", "s1": "accept", "s2": "reject", "r0": "accept", "r1": "reject"}
    assert bench.answer("d0")["relations"] == [{"head": 0, "tail": 1, "label": "lives in"}]


def test_an_unfinished_answer_says_nothing_of_what_was_left(place, context):
    bench = Bench(place, "unfinished", "Ada Berg, of Oslo, works in Paris.")
    desk, sent = with_suggestions(bench, context)
    desk.press("Space", "Delete")
    desk.submit("Alt+Enter")

    assert verdicts(sent[0]) == {"s0": "accept", "s1": "reject"}
    answer = bench.answer("d0")
    assert (answer["state"], answer["complete"]) == ("submitted", False)
    assert "submitted this before, unfinished" in desk.open(desk.page.url).state


def test_offsets_are_code_points_in_any_script(place, context):
    text = "😀👩‍👩‍👧 Ada grüßt\r\nمرحبا من Oslo 東京タワー"
    bench = Bench(place, "scripts", text)
    desk = bench.desk(context)

    desk.click("Ada").press("1")
    desk.click("Oslo").press("2")
    desk.drag("東", "京", modifier="Alt").press("2")
    assert desk.labelled() == [("Ada", "PERSON"), ("Oslo", "PLACE"), ("東京", "PLACE")]
    desk.submit()

    found = [text[span["start"] : span["end"]] for span in bench.answer("d0")["spans"]]
    assert found == ["Ada", "Oslo", "東京"]
    assert "Nothing left for you" in desk.page.inner_text(".finished")


def test_a_server_that_is_away_costs_no_work(place, context):
    bench = Bench(place, "away", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    sent: list[str] = []

    def lose(route: Route) -> None:
        sent.append(route.request.post_data_json["submit_id"])
        # The first time the server even takes it, and only its answer is lost.
        if len(sent) == 1:
            route.fetch()
        route.abort()

    desk.page.route("**/annotation", lambda r: lose(r) if r.request.method == "PUT" else r.continue_())
    desk.press("1", "Enter")
    desk.page.wait_for_selector('#state-action:has-text("Try now")')
    assert "cannot be reached" in desk.state
    desk.page.unroute("**/annotation")
    desk.page.route("**/annotation", lambda r: (sent.append(r.request.post_data_json["submit_id"]), r.continue_()))
    desk.page.click("#state-action")
    desk.page.wait_for_function("(f) => document.querySelector('#document-name').textContent !== f", arg=first)

    assert len(set(sent)) == 1, "a submit that is sent again keeps its id"
    assert bench.answer(first)["revision"] == 1


def test_a_page_closed_while_saving_sends_it_the_next_time(place, context):
    bench = Bench(place, "closed", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    desk.page.route("**/annotation", lambda r: r.abort() if r.request.method == "PUT" else r.continue_())
    desk.press("1", "Enter")
    desk.page.wait_for_selector("#state-action:visible")
    desk.page.close()

    again = Desk(context.new_page()).open(bench.url)
    again.page.wait_for_function("(f) => document.querySelector('#document-name').textContent !== f", arg=first)

    assert bench.answer(first)["spans"][0]["label"] == "PERSON"


def test_kept_work_that_no_longer_fits_is_pointed_out(place, context):
    bench = Bench(place, "kept", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    desk.page.route("**/annotation", lambda r: r.abort() if r.request.method == "PUT" else r.continue_())
    desk.press("1", "Enter")
    desk.page.wait_for_selector("#state-action:visible")
    desk.page.close()
    elsewhere = {"submit_id": str(uuid4()), "revision": 0}
    bench.api("PUT", f"/documents/{bench.document(first)}/annotation", json=elsewhere)

    again = Desk(context.new_page()).open(bench.url)
    again.page.click("#leftover a")
    again.page.wait_for_selector("#conflict[open]")
    again.page.click("text=Go on with mine")
    again.settled().submit()

    assert [span["label"] for span in bench.answer(first)["spans"]] == ["PERSON"]


def test_a_document_changed_elsewhere_is_put_before_the_person(place, context):
    bench = Bench(place, "twice", "Ada wrote from Oslo.")
    desk = bench.desk(context)
    address = f"{place.url}/t/twice/documents/{bench.document('d0')}"
    other = Desk(context.new_page()).open(address)
    desk.press("1")
    other.press("ArrowRight", "2").submit()
    assert bench.answer("d0")["revision"] == 1

    desk.press("Enter")
    desk.page.wait_for_selector("#conflict[open]")
    assert "wrote" in desk.page.inner_text("#conflict-theirs")
    assert "Ada" in desk.page.inner_text("#conflict-mine")
    desk.page.click("text=Go on with mine")
    desk.settled().submit()

    assert bench.answer("d0")["revision"] == 2
    assert [span["label"] for span in bench.answer("d0")["spans"]] == ["PERSON"]


def test_a_session_that_ended_keeps_the_work(place, context):
    bench = Bench(place, "ended", "Ada wrote.", "Kurt wrote.")
    desk = bench.desk(context)
    first = desk.document
    context.clear_cookies()
    desk.press("1", "Enter")
    desk.page.wait_for_selector('#state-action:has-text("I am back")')
    assert "signed out" in desk.state

    sign_in(context, place, bench.person).close()
    desk.page.click("#state-action")
    desk.page.wait_for_function("(f) => document.querySelector('#document-name').textContent !== f", arg=first)

    assert bench.answer(first)["spans"][0]["label"] == "PERSON"


def test_held_out_documents_are_labelled_blind(place, context):
    bench = Bench(place, "blind", *(f"Ada wrote letter {n}." for n in range(20)), check_share=0.5)
    held_out = bench.api("GET", f"/projects/{bench.project}/documents?split=check")["items"][0]["id"]

    desk = Desk(sign_in(context, place, bench.person)).open(f"{place.url}/t/blind/documents/{held_out}")

    assert desk.note == "Labelled without suggestions, to measure the model honestly."
    assert desk.suggested() == []


def test_a_touch_screen_can_label(place, browser):
    bench = Bench(place, "touch", "Ada wrote from Oslo.", "Kurt wrote.")
    phone = browser.new_context(viewport={"width": 420, "height": 800}, has_touch=True, is_mobile=True)
    desk = bench.desk(phone)
    if desk.document != "d0":
        desk.page.tap("#submit")
        desk.page.wait_for_function("() => document.querySelector('#document-name').textContent === 'd0'")
        desk.settled()

    box = desk._box("Oslo")
    desk.page.touchscreen.tap((box["left"] + box["right"]) / 2, box["middle"])
    desk._frame()
    desk.page.tap("[data-act=label][data-name=PLACE]")

    assert desk.labelled() == [("Oslo", "PLACE")]
    phone.close()
