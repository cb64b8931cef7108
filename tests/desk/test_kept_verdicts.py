"""What is said of suggestions is kept: in drafts, from browser to browser; and what finishing does to the others."""

from __future__ import annotations

import pytest

from tests.browser import Desk
from tests.desk.bench import SUGGESTED, Bench, suggesting, verdicts

LETTER = "Ada Berg, of Oslo, works in Paris."
PREDICTION = {
    "spans": [
        {"start": 0, "end": 8, "label": "PERSON", "score": 0.9},
        {"start": 13, "end": 17, "label": "PLACE", "score": 0.9},
        {"start": 28, "end": 33, "label": "PLACE", "score": 0.6},
    ],
    "choices": {"topic": [{"label": "billing", "score": 0.8}]},
    "relations": [{"head": 0, "tail": 2, "label": "works in", "score": 0.7}],
    "uncertainty": 0.2,
}
# Clicks and keys on a suggested choice or relation go through its id.
DECIDE = "([act, id]) => document.querySelector('#desk').desk.act(act, { id })"


def pending(desk: Desk) -> list[str]:
    return list(desk.page.evaluate("() => document.querySelector('#desk').board.pending.map(({ id }) => id)"))


def test_a_rejection_goes_along_to_another_browser(place, browser, context):
    bench = Bench(place, "along", LETTER)
    bench.suggest("d0", PREDICTION)
    desk = bench.desk(context)
    desk.press("Space", "Delete")
    desk.page.evaluate(DECIDE, ["rejectOne", "c0"])
    desk.saved()
    kept = {one["item"]: one["verdict"] for one in bench.answer("d0")["decisions"]}
    assert kept == {"s0": "accept", "s1": "reject", "c0": "reject"}

    elsewhere = browser.new_context(viewport={"width": 1280, "height": 800})
    there = bench.desk(elsewhere)
    assert there.labelled() == [("Ada Berg", "PERSON")]
    assert pending(there) == ["s2", "r0"], "what was rejected stays so"
    there.press("Shift+Enter", "Shift+Enter")
    assert there.labelled() == [("Ada Berg", "PERSON"), ("Paris", "PLACE")]
    assert there.chosen() == []
    there.submit().saved()
    elsewhere.close()
    answer = bench.answer("d0")
    assert ([span["label"] for span in answer["spans"]], answer["classes"]) == (["PERSON", "PLACE"], {})
    code = "from annotator.models import Decision, Tenant; from annotator.tenancy import tenant_scope\n"
    code += f"with tenant_scope(Tenant.objects.get(slug={bench.slug!r})):\n"
    code += "    print(sorted(Decision.objects.values_list('item', 'verdict')))"
    assert (
        place.manage("shell", "--no-imports", "--command", code)
        .strip()
        .endswith("[('c0', 'reject'), ('r0', 'accept'), ('s0', 'accept'), ('s1', 'reject'), ('s2', 'accept')]")
    )


def test_a_correction_goes_along_and_a_newer_version_does_not_bring_it_back(place, browser, context):
    bench = Bench(place, "newer", LETTER)
    bench.suggest("d0", PREDICTION)
    desk = bench.desk(context)
    desk.press("Shift+ArrowLeft", "Tab", "Delete")
    assert desk.labelled() == [("Ada", "PERSON")]
    desk.saved()
    bench.suggest("d0", PREDICTION, version=2)

    elsewhere = browser.new_context(viewport={"width": 1280, "height": 800})
    there = bench.desk(elsewhere)

    assert there.labelled() == [("Ada", "PERSON")]
    assert "s0" not in pending(there)
    assert there.note == "Suggestions from version 1"
    there.press("Shift+Enter")
    assert [words for words, _ in there.labelled()] == ["Ada", *(["Paris"] if "s1" not in pending(there) else [])]
    elsewhere.close()


SAYS = {"reject": "rejects 5 suggestions", "leave": "leaves 5 suggestions alone", "ask": "asks about 5 suggestions"}


@pytest.mark.parametrize("rule", ["reject", "leave"])
def test_the_button_says_what_becomes_of_what_waits_and_so_it_is(place, context, rule):
    bench = Bench(place, f"rule{rule}", LETTER, pending_suggestions=rule)
    page = bench.page(context)
    sent = suggesting(page, SUGGESTED)
    desk = Desk(page).open(bench.url)
    button = page.locator("#submit")
    assert button.inner_text().split("\n")[:2] == ["Nothing here", SAYS[rule]]
    desk.press("Space")
    assert button.inner_text().split("\n")[:2] == ["Done", SAYS[rule].replace("5", "4")]
    page.wait_for_function("() => document.querySelector('#desk').board.seen.size >= 5")

    desk.submit().saved()

    assert verdicts(sent[0]) == {"s0": "accept", **dict.fromkeys(("s1", "s2", "r0", "r1"), rule)}


def test_where_it_is_to_be_asked_one_key_answers(place, context):
    bench = Bench(place, "asks", LETTER, "Another.", pending_suggestions="ask")
    page = bench.page(context)
    sent = suggesting(page, SUGGESTED)
    desk = Desk(page).open(bench.address("d0"))
    assert SAYS["ask"] in page.inner_text("#submit")

    for back in ("Enter", "Escape"):
        desk.press("Enter")
        assert page.inner_text("#pending-title") == "5 suggestions are undecided"
        desk.press(back)
        page.wait_for_function("() => !document.querySelector('#desk').desk.asking")
        assert (page.locator("dialog[open]").count(), sent) == (0, []), f"{back} alone goes back to them"
    desk.press("Enter").submit("1").saved()

    assert verdicts(sent[0]) == dict.fromkeys(("s0", "s1", "s2", "r0", "r1"), "reject")


def test_without_scripts_the_rule_is_the_same(place, browser):
    bench = Bench(place, "plainrule", LETTER, pending_suggestions="ask")
    bench.suggest("d0", PREDICTION)
    plain = browser.new_context(java_script_enabled=False)
    page = bench.page(plain)
    page.goto(bench.url)
    page.check("input[name=accept][value=s0]")
    page.click("#submit")
    assert "Say what becomes of the suggestions that you did not tick." in page.inner_text(".faults")
    page.check("input[name=undecided][value=leave]")
    page.click("#submit")
    page.wait_for_selector("text=Nothing left for you")

    assert bench.labels("d0") == ["PERSON"]
    plain.close()


def test_a_choice_is_taken_by_a_click_on_its_words(place, context):
    bench = Bench(place, "clicked", LETTER)
    desk = bench.desk(context)
    assert desk.selection == "Ada"

    desk.page.click(".option[data-name=delivery] .says")

    assert desk.chosen() == ["delivery"]
    assert desk.page.evaluate("() => document.activeElement.id") == "text"
    desk.submit().saved()
    assert bench.answer("d0")["classes"] == {"topic": ["delivery"]}
