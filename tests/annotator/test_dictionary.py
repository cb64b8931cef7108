"""The dictionary: words that were marked are suggested wherever else they stand, as long as what taught them stands."""

from __future__ import annotations

import json
from importlib import import_module
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection

from annotator import labels, removal, review, snapshot, stats, verdicts
from annotator.dictionary import lookup
from annotator.errors import Invalid
from annotator.importing.store import Row, store_rows
from annotator.models import Decision, Document, Label, Suggestion, Term
from annotator.review import Submission
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project

ADA = {"start": 0, "end": 3, "label": "PERSON"}
OSLO = {"start": 13, "end": 17, "label": "PLACE"}
TEXT = "Ada lives in Oslo."


@pytest.fixture
def project(cast):
    project = make_project(cast.acme, check_share=0)
    with tenant_scope(cast.acme):
        yield project


def document(project, text=TEXT):
    (made,) = add_documents(project.tenant, project, text)
    return made


def answer(document, user, *spans, decisions=(), revision=0, **rest):
    return review.annotate(
        document, user, Submission(uuid4(), revision, {"spans": list(spans)}, decisions=decisions, **rest)
    )


def marked(text, *words, label="PERSON"):
    """Spans of these words, each where it stands first."""
    return [{"start": text.index(one), "end": text.index(one) + len(one), "label": label} for one in words]


def found(project, text):
    """What is suggested in a text, as words with their labels."""
    (items,) = lookup.suggested(project.pk, {0: text}).values()
    return [(text[item["start"] : item["end"]], item["label"]) for item in items]


def known(project):
    return {
        (term.words, term.label.name): (term.accepted, term.turned_down)
        for term in Term.objects.filter(project=project).select_related("label")
    }


def decided(item, verdict, source="accepted", **rest):
    place = {name: item[name] for name in ("start", "end", "label")}
    return {"term": place | {"source": source}, "verdict": verdict, **rest}


@pytest.mark.parametrize(
    ("text", "words", "other", "where"),
    [
        (
            "Dr. Anna  Schmidt called.",
            "Anna  Schmidt",
            "ANNA\nSCHMIDT, not Annabel or Hannah Schmidt.",
            ["ANNA\nSCHMIDT"],
        ),
        ("Caf\u00e9 Zo\u00eb is open.", "Zo\u00eb", "At Zoe\u0308's, with Zoe.", ["Zoe\u0308"]),
        ("وصل محمد علي إلى القاهرة.", "محمد علي", "قال محمد علي إن محمدا ومحمد علي هنا.", ["محمد علي"]),
        ("王小明住在北京。", "王小明", "昨天王小明和王小来见面。", ["王小明"]),
        ("प्रिया दिल्ली में रहती है।", "प्रिया", "कल प्रिया और सुप्रिया मिलीं।", ["प्रिया"]),
        ("She works for AT&T.", "AT&T", "at&t, AT & T and AT&T2", ["at&t", "AT&T"]),
        ("Paid 500 euros.", "500", "In 1500 or 500?", ["500"]),
    ],
    ids=["Latin", "accents", "Arabic", "Chinese", "Hindi", "signs", "digits"],
)
def test_words_that_were_marked_are_suggested_elsewhere(cast, project, text, words, other, where):
    answer(document(project, text), cast.bob, *marked(text, words))

    suggested = found(project, other)

    assert suggested == [(words, "PERSON") for words in where]


def test_what_is_suggested_says_how_often_it_was_marked(cast, project):
    for text in (TEXT, "Ada sings.", "ADA dances."):
        answer(document(project, text), cast.bob, ADA)

    ((item,),) = lookup.suggested(project.pk, {0: "Ada."}).values()

    assert item == {"start": 0, "end": 3, "label": "PERSON", "score": 0.8, "source": "accepted", "times": 3}


def test_the_longest_term_is_suggested_and_none_over_another(cast, project):
    text = "New York Times, New York and York"
    answer(document(project, text), cast.bob, *marked(text, "New York Times"), label_of("York", 12 + 9 + 8, "PLACE"))
    answer(document(project, "York, New York"), cast.bob, *marked("York, New York", "New York", label="PLACE"))

    assert found(project, "the new york times of New York in York") == [
        ("new york times", "PERSON"), ("New York", "PLACE"), ("York", "PLACE"),
    ]  # fmt: skip


def label_of(words, start, label):
    return {"start": start, "end": start + len(words), "label": label}


def test_of_several_labels_the_most_accepted_is_suggested(cast, project):
    for label in ("PLACE", "PERSON", "PLACE"):
        answer(document(project), cast.bob, {**ADA, "label": label})

    assert found(project, "Ada") == [("Ada", "PLACE")]


def test_what_people_turn_down_more_often_than_they_accept_is_not_suggested(cast, project):
    answer(document(project), cast.bob, ADA)
    answer(document(project, "Ada is a language."), cast.bob, decisions=[decided(ADA, "reject")])
    as_often = found(project, "Ada")
    answer(document(project, "Ada 95"), cast.bob, decisions=[decided(ADA, "reject")])

    assert as_often == [("Ada", "PERSON")]
    assert found(project, "Ada") == []
    assert known(project) == {("ada", "PERSON"): (1, 2)}


def test_part_of_a_word_white_space_and_signs_teach_nothing(cast, project):
    text = "Annabel said: ... nothing"

    answer(document(project, text), cast.bob, *marked(text, "Anna", "..."), *marked(text, " nothing", label="PLACE"))

    assert known(project) == {("nothing", "PLACE"): (1, 0)}


def test_an_answer_that_changes_teaches_what_it_says_now(cast, project):
    one = document(project)
    answer(one, cast.bob, ADA, OSLO)
    answer(one, cast.bob, revision=1, state="draft")
    before = known(project)

    answer(one, cast.bob, {**ADA, "label": "PLACE"}, revision=2)
    changed = known(project)
    answer(one, cast.bob, revision=3, state="skipped")

    assert before == {("ada", "PERSON"): (1, 0), ("oslo", "PLACE"): (1, 0)}
    assert changed == {("ada", "PLACE"): (1, 0)}
    assert known(project) == {}


def test_held_out_documents_teach_nothing_and_keep_no_verdict(cast, project):
    Document.objects.filter(pk=document(project).pk).update(split="check")
    held_out = Document.objects.get()

    answer(held_out, cast.bob, ADA, decisions=[decided(ADA, "accept", source="document")])

    assert known(project) == {}
    assert not Suggestion.objects.exists()
    assert not Decision.objects.exists()


def test_what_an_import_brings_teaches_until_it_is_undone(cast, project):
    rows = [
        Row(line=i, external_id=f"i{i}", text=TEXT, meta={}, answer={"spans": [ADA]}, complete=True) for i in (1, 2)
    ]
    store_rows(project, rows, user=cast.alice)
    answer(document(project, "Ada."), cast.bob, ADA)
    brought = Document.objects.filter(external_id__in=["i1", "i2"])
    all_of_it = known(project)

    for one in brought:
        removal.delete_batch(removal.Target.of(one))

    assert all_of_it == {("ada", "PERSON"): (3, 0)}
    assert known(project) == {("ada", "PERSON"): (1, 0)}


def test_no_word_of_a_deleted_document_is_left(cast, project):
    one = document(project)
    answer(one, cast.bob, ADA, decisions=[decided(OSLO, "reject")])
    answer(one, cast.alice, ADA, OSLO)

    removal.delete_batch(removal.Target.of(one))

    assert known(project) == {}


def test_labels_that_are_renamed_merged_or_retired_take_their_terms_along(cast, project):
    names = {label.name: label for label in Label.objects.filter(project=project)}
    answer(document(project), cast.bob, ADA, OSLO)
    answer(document(project), cast.alice, ADA)
    answer(document(project), cast.bob, {**ADA, "label": "PLACE"})

    labels.rename(names["PERSON"], "HUMAN", actor=cast.alice)
    renamed = found(project, "Ada")
    labels.merge(names["PERSON"], names["PLACE"].pk, actor=cast.alice)
    merged = known(project)
    animal = labels.add(project, kind="span", name="ANIMAL", actor=cast.alice)
    answer(document(project, "Cats"), cast.bob, {"start": 0, "end": 4, "label": "ANIMAL"})
    labels.change(animal, {"retired": True}, actor=cast.alice)

    assert renamed == [("Ada", "HUMAN")]
    assert merged == {("ada", "PLACE"): (3, 0), ("oslo", "PLACE"): (1, 0)}
    assert found(project, "Ada and cats") == [("Ada", "PLACE")]


def test_a_merge_that_makes_one_span_of_two_counts_it_once(cast):
    project = make_project(cast.acme, check_share=0, allow_overlap=True)
    with tenant_scope(cast.acme):
        names = {label.name: label for label in Label.objects.filter(project=project)}
        one = document(project)
        answer(one, cast.bob, ADA, {**ADA, "label": "PLACE"})

        labels.merge(names["PERSON"], names["PLACE"].pk, actor=cast.alice)
        merged = known(project)
        removal.delete_batch(removal.Target.of(one))

        assert merged == {("ada", "PLACE"): (1, 0)}
        assert known(project) == {}


def test_what_was_decided_on_is_on_record_as_the_dictionarys(cast, project):
    longer = {"start": 10, "end": 17, "label": "PLACE"}
    one = document(project)

    answer(
        one, cast.bob, ADA, longer,
        decisions=[decided(ADA, "accept", milliseconds=300), decided(OSLO, "correct", "list", correction=longer)],
    )  # fmt: skip

    (row,) = Suggestion.objects.all()
    assert row.version is None
    assert row.items == [
        {"id": "s0", "kind": "span", **ADA, "source": "accepted"},
        {"id": "s1", "kind": "span", **OSLO, "source": "list"},
    ]
    assert set(Decision.objects.values_list("suggestion", "item", "verdict", "milliseconds")) == {
        (row.pk, "s0", "accept", 300), (row.pk, "s1", "correct", None),
    }  # fmt: skip
    assert verdicts.of_dictionary(project).as_json() == {
        "accept": 1,
        "correct": 1,
        "reject": 0,
        "leave": 0,
        "rate": 0.5,
    }
    assert stats.progress(project)["acceptance"] == []
    assert stats.progress(project)["dictionary"]["rate"] == 0.5
    assert verdicts.over_time(project) == ([], False)
    assert verdicts.by_label(project) == []


def test_training_hears_what_was_rejected_in_an_unfinished_document(cast, project, tmp_path):
    answer(document(project), cast.bob, ADA, complete=False, decisions=[decided(OSLO, "reject")])

    path = snapshot.write(project, tmp_path / "snapshot.jsonl").path

    assert json.loads(path.read_text())["rejected"] == [OSLO]


def test_a_draft_keeps_what_was_said_of_terms(cast, project):
    one = document(project)
    answer(one, cast.bob, ADA, state="draft", decisions=[decided(ADA, "accept"), decided(OSLO, "reject")])

    kept = review.left(review.current(one, cast.bob))

    assert kept["decisions"] == [decided(ADA, "accept"), decided(OSLO, "reject")]
    assert review.decided_on(review.current(one, cast.bob)) is None


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        (decided(OSLO, "accept"), "the answer does not hold that item"),
        (decided(ADA, "reject"), "the answer holds that item"),
        (decided({**ADA, "end": 99}, "reject"), "term must be a span of the text"),
        (decided({**ADA, "label": "ANIMAL"}, "reject"), "term must be a span of the text"),
        (decided(ADA, "accept", source="hearsay"), "and a source"),
        ({"term": "Ada", "verdict": "accept"}, "term must be a span of the text"),
        ({"suggestion": 0, "item": "0 3 PERSON", "verdict": "accept"}, "no such suggestion"),
    ],
)
def test_a_verdict_on_a_term_that_does_not_fit_is_refused(cast, project, decision, reason):
    one = document(project)

    with pytest.raises(Invalid, match=reason), tenant_scope(cast.acme):
        answer(one, cast.bob, ADA, decisions=[decision])

    assert not Suggestion.objects.exists()
    assert known(project) == {}


def test_an_install_that_is_upgraded_knows_what_its_answers_teach(cast):
    project = make_project(cast.acme, check_share=0)
    with tenant_scope(cast.acme):
        answer(document(project), cast.bob, ADA, OSLO)
        answer(document(project), cast.bob, OSLO, decisions=[decided(ADA, "reject")])
        taught = known(project)
        Term.objects.filter(project=project).delete()

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")  # as a migration: who made the tables
        import_module("annotator.migrations.0015_dictionary").learn(apps, SimpleNamespace(connection=connection))
        cursor.execute("SET LOCAL ROLE marginalia_app")

    with tenant_scope(cast.acme):
        assert taught == known(project) == {("ada", "PERSON"): (1, 1), ("oslo", "PLACE"): (2, 0)}


def test_terms_of_one_project_are_never_anothers(cast, project):
    answer(document(project), cast.bob, ADA)
    other = make_project(cast.acme, name="Other", check_share=0)

    assert found(other, TEXT) == []
