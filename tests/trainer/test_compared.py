"""Two versions' answers to the same document: what was gained, lost, changed."""

from __future__ import annotations

from annotator.items import Change, agreement, changed, items_of
from trainer.compared import Comparison


def answer(*spans, classes=None, relations=()):
    return {
        "spans": [{"start": start, "end": end, "label": label} for start, end, label in spans],
        "classes": classes or {},
        "relations": [{"head": head, "tail": tail, "label": label} for head, tail, label in relations],
    }


def test_what_is_gained_lost_and_changed():
    before = answer((0, 3, "PERSON"), (10, 14, "PLACE"), classes={"topic": ["billing"], "tone": ["angry"]})
    after = answer((0, 3, "PLACE"), (20, 24, "PLACE"), classes={"topic": ["praise"], "tone": ["angry", "urgent"]})

    assert changed(items_of(before), items_of(after)) == [
        Change("choice", ("tone",), None, "urgent"),
        Change("choice", ("topic",), "billing", "praise"),
        Change("span", (0, 3), "PERSON", "PLACE"),
        Change("span", (10, 14), "PLACE", None),
        Change("span", (20, 24), None, "PLACE"),
    ]


def test_a_relation_is_the_same_whatever_the_order_of_its_spans():
    one = answer((0, 3, "PERSON"), (10, 14, "PLACE"), relations=[(0, 1, "lives_in")])
    other = answer((10, 14, "PLACE"), (0, 3, "PERSON"), relations=[(1, 0, "lives_in")])
    turned = answer((10, 14, "PLACE"), (0, 3, "PERSON"), relations=[(0, 1, "lives_in")])

    assert changed(items_of(one), items_of(other)) == []
    assert {(c.before, c.after) for c in changed(items_of(one), items_of(turned))} == {
        ("lives_in", None),
        (None, "lives_in"),
    }


def test_what_concerns_one_label():
    first, second = Change("span", (0, 3), "PERSON", "PLACE"), Change("span", (5, 9), None, "DATE")
    found = Comparison(9, {"a": [first, second], "b": [second]})

    assert found.labels == ["DATE", "PERSON", "PLACE"]
    assert found.only("PERSON") == Comparison(9, {"a": [first]})


def test_agreement_counts_what_both_say():
    one, other = answer((0, 3, "PERSON"), (10, 14, "PLACE")), answer((0, 3, "PERSON"), (10, 14, "PERSON"))

    assert agreement(items_of(one), items_of(other)) == 0.5
    assert agreement(set(), set()) == 1.0
    assert agreement(items_of(one), set()) == 0.0
