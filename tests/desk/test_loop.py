"""The loop as a person meets it at the desk: label by hand, a model learns, decide on what it suggests."""

from __future__ import annotations

from tests.browser import Desk
from tests.desk.bench import Bench, watched
from tests.install import eventually

# No name comes twice: of one that did, the dictionary would speak before the model does.
PEOPLE = [f"{one} {name}" for one in ("Ada", "Kurt", "Emmy", "Mary", "Carl", "Rosa") for name in
          ("Berg", "Lund", "Roth", "Webb", "Voss", "Kern", "Holm", "Falk", "Dahl", "Moen")]  # fmt: skip
PLACES = [f"{stem}{end}" for end in ("ton", "burg", "stad", "ford", "ham", "ville") for stem in
          ("Kings", "Lin", "Har", "Ash", "Wal", "Brem", "Ros", "Wins", "Clay", "Mar")]  # fmt: skip
PATIENCE = 900  # seconds, also where the machine has much else to do


def test_the_model_learns_from_what_is_labelled_and_suggests(place, context):
    texts = [
        f"{person} wrote from {place} about the {('parcel', 'bill')[i % 2]} again."
        for i, (person, place) in enumerate(zip(PEOPLE, PLACES, strict=True))
    ]
    bench = Bench(place, "loop", *texts, check_share=0.1)
    errors: list[str] = []
    page = bench.page(context)
    watched(page, errors)
    desk = Desk(page).open(bench.url)

    label_by_hand(desk, 15)
    # Nothing is opened anew: the version comes to the page, to the letter on it and to those fetched ahead.
    with_suggestions(desk)
    eventually("the state of the model", lambda: desk.page.inner_text("#model").startswith("Version 1"), PATIENCE)
    decide(desk, bench)

    assert errors == []


def label_by_hand(desk: Desk, count: int) -> None:
    assert desk.page.inner_text("#model") == "10 more labelled documents until the first model"
    for _ in range(count):
        desk.press("Shift+ArrowRight", "1", "ArrowRight", "ArrowRight", "ArrowRight", "2")
        desk.press("3" if " bill " in desk.text else "4")
        assert [label for _, label in desk.labelled()] == ["PERSON", "PLACE"]
        desk.submit()
    desk.saved()
    assert desk.page.inner_text("#progress-text") == f"{count} of 60"
    assert desk.page.inner_text("#own-text").endswith(f"{count} in all")


def decide(desk: Desk, bench: Bench) -> None:
    """Accept, correct, reject: the ledger has each, and the person's word stands."""
    with_suggestions(desk)
    assert desk.note.startswith("Suggestions from version")
    first = desk.suggested()[0]
    desk.press("Space")
    assert first in desk.labelled()
    words, label = desk.suggested()[0]
    desk.press("1" if label == "PLACE" else "2")
    assert words in [marked for marked, _ in desk.labelled()]
    while desk.suggested():
        desk.press("Escape", "Control+Home", "Tab", "Delete")
    desk.press("Control+z", "Control+y").submit()
    with_suggestions(desk)
    desk.submit("Control+Enter").saved()

    [counts, *_] = bench.api("GET", f"/projects/{bench.project}/stats")["acceptance"]
    assert counts["accept"] >= 2
    assert counts["correct"] == 1


def with_suggestions(desk: Desk) -> None:
    """Held-out letters come up among the others, without suggestions and saying so."""
    for _ in range(20):
        desk.page.wait_for_function(
            """() => document.querySelector('#note').dataset.kind === 'check' ||
                     /^(Suggestions from|The model is sure)/.test(document.querySelector('#note').textContent)""",
            timeout=PATIENCE * 1000,
        )
        if len(desk.suggested()) > 1:
            return
        desk.submit("Control+Enter")
    raise AssertionError("twenty letters in a row without two suggestions")
