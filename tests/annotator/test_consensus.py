"""What is exported and learnt where several people answered: what most say, and of what is disputed nothing."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotator import consensus, labels, snapshot
from annotator.exporting import jsonl
from annotator.exporting.jsonl import Export, Options
from annotator.models import Document, Label, Membership, Role, User
from annotator.models import Question as ProjectQuestion
from annotator.review import Submission, annotate
from annotator.spans import Choices, Schema, clean_answer, things
from annotator.tenancy import tenant_scope
from tests.annotator.test_snapshot import suggested
from tests.cast import add_documents, make_project, signed_in
from trainer.ml import examples
from trainer.ml.schema import Question

TEXT = "Ada met Bo in Oslo."
ADA = {"start": 0, "end": 3, "label": "PERSON"}
ADA_MET = {"start": 0, "end": 7, "label": "PERSON"}
BO = {"start": 8, "end": 10, "label": "PERSON"}
OSLO = {"start": 14, "end": 18, "label": "PLACE"}


@pytest.fixture
def dora(cast) -> User:
    """A reviewer, the third to answer."""
    user = User.objects.create_user("dora" + uuid.uuid4().hex[:6])
    Membership.objects.create(tenant=cast.acme, user=user, role=Role.REVIEWER)
    return user


@pytest.fixture
def project(cast):
    return make_project(cast.acme, annotators_per_document=2, check_share=0)


def submit(document, user, *spans, complete=True, revision=0, **answer):
    answer = {"spans": list(spans), **answer}
    with tenant_scope(document.tenant):
        return annotate(document, user, Submission(uuid.uuid4(), revision, answer, complete=complete))


def export(project, **options) -> list[dict]:
    data = b"".join(Export(project.tenant, project.pk, Options(**options)))
    return [json.loads(line) for line in data.splitlines()]


def learnt(project, tmp_path) -> list[dict]:
    with tenant_scope(project.tenant):
        path = snapshot.write(project, tmp_path / "snapshot.jsonl").path
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_reviewers_blank_does_not_wipe_out_what_two_people_say(cast, dora, project, tmp_path):
    (document,) = add_documents(cast.acme, project, TEXT)
    submit(document, cast.alice, ADA, BO, OSLO)
    submit(document, cast.bob, ADA, BO)

    submit(document, dora)

    (line,), (taught,) = export(project), learnt(project, tmp_path)
    assert line["spans"] == taught["spans"] == [ADA, BO]
    assert (line["answers"], line["disputed"], line["complete"]) == (3, [], True)  # two of three do not see Oslo
    assert export(project, answers="latest")[0]["spans"] == []


def test_one_against_one_is_disputed_and_what_both_say_is_kept(cast, project):
    (document,) = add_documents(cast.acme, project, TEXT)
    submit(document, cast.alice, ADA, BO)
    submit(document, cast.bob, ADA_MET, BO)

    (line,) = export(project)

    assert (line["spans"], line["complete"], line["exhaustive"]) == ([BO], False, True)
    assert line["disputed"] == [
        {"kind": "span", **ADA_MET, "for": 1, "against": 1},
        {"kind": "span", **ADA, "for": 1, "against": 1},
    ]


def test_what_an_unfinished_answer_lacks_is_no_vote_against_it(cast, project):
    (document,) = add_documents(cast.acme, project, TEXT)
    submit(document, cast.alice, ADA, OSLO)
    submit(document, cast.bob, ADA, complete=False)

    (line,) = export(project)

    assert (line["spans"], line["disputed"]) == ([ADA, OSLO], [])
    assert (line["complete"], line["exhaustive"]) == (False, False)


def test_a_mark_speaks_against_what_cannot_stand_beside_it(cast, project):
    (document,) = add_documents(cast.acme, project, TEXT)
    submit(document, cast.alice, ADA, complete=False)
    submit(document, cast.bob, ADA_MET, complete=False)

    (line,) = export(project)

    assert line["spans"] == []
    assert [(item["start"], item["end"]) for item in line["disputed"]] == [(0, 7), (0, 3)]


def test_a_plurality_is_no_answer_to_a_question_with_one_choice(cast, dora, project, tmp_path):
    (document,) = add_documents(cast.acme, project, TEXT)
    for user, choice in ((cast.alice, "billing"), (cast.bob, "praise"), (dora, "delivery")):
        submit(document, user, classes={"topic": [choice]})

    (line,), (taught,) = export(project), learnt(project, tmp_path)

    assert line["classes"] == taught["classes"] == {}
    assert {(item["label"], item["for"], item["against"]) for item in taught["disputed"]} == {
        ("billing", 1, 2), ("praise", 1, 2), ("delivery", 1, 2),
    }  # fmt: skip
    assert line["complete"] is False


def test_a_majority_answers_a_question_and_a_blank_beside_one_leaves_it_open(cast, dora, project):
    agreed, alone = add_documents(cast.acme, project, TEXT, "another")
    for user, choice in ((cast.alice, "billing"), (cast.bob, "praise"), (dora, "billing")):
        submit(agreed, user, classes={"topic": [choice]})
    submit(alone, cast.alice, classes={"topic": ["billing"]})
    submit(alone, dora)

    one, other = export(project)

    assert (one["classes"], one["disputed"], one["complete"]) == ({"topic": ["billing"]}, [], True)
    assert other["classes"] == {}
    assert other["disputed"] == [
        {"kind": "choice", "question": "topic", "label": "billing", "for": 1, "against": 1}
    ]  # fmt: skip


def test_of_several_choices_each_is_voted_on(cast, project):
    (document,) = add_documents(cast.acme, project, TEXT)
    submit(document, cast.alice, classes={"tone": ["angry", "urgent"]})
    submit(document, cast.bob, classes={"tone": ["angry"]})

    (line,) = export(project)

    assert line["classes"] == {"tone": ["angry"]}
    assert [(item["question"], item["label"]) for item in line["disputed"]] == [("tone", "urgent")]


def test_none_of_several_is_an_answer_that_can_be_agreed_on(cast, dora, project):
    (document,) = add_documents(cast.acme, project, TEXT)
    submit(document, cast.alice, classes={"tone": ["angry"]})
    submit(document, cast.bob, classes={"tone": []})
    submit(document, dora, ADA, classes={"tone": []})

    (line,) = export(project)

    assert (line["classes"], line["disputed"]) == ({"tone": []}, [])


def test_a_relation_is_known_only_between_spans_that_are_kept(cast, dora, project):
    both, one_end = add_documents(cast.acme, project, TEXT, TEXT + " ")
    lives = {"relations": [{"head": 0, "tail": 1, "label": "lives_in"}]}
    submit(both, cast.alice, ADA, OSLO, **lives)
    submit(both, cast.bob, ADA, OSLO)
    submit(one_end, cast.alice, ADA, OSLO, **lives)
    submit(one_end, cast.bob, OSLO)

    first, second = export(project)

    ends = {"head": ADA, "tail": OSLO, "label": "lives_in", "for": 1, "against": 1}
    assert (first["spans"], first["relations"]) == ([ADA, OSLO], [])
    assert first["disputed"] == [{"kind": "relation", **ends}]
    assert (second["spans"], second["relations"]) == ([OSLO], [])
    assert second["disputed"] == [{"kind": "span", **ADA, "for": 1, "against": 1}, {"kind": "relation", **ends}]


def test_relations_point_at_the_spans_that_are_left(cast, dora, project):
    (document,) = add_documents(cast.acme, project, TEXT)
    submit(document, cast.alice, ADA, BO, OSLO, relations=[{"head": 1, "tail": 2, "label": "lives_in"}])
    submit(document, cast.bob, BO, OSLO, relations=[{"head": 0, "tail": 1, "label": "lives_in"}])
    submit(document, dora)

    (line,) = export(project)

    assert (line["spans"], line["relations"]) == ([BO, OSLO], [{"head": 0, "tail": 1, "label": "lives_in"}])


def test_answers_that_are_the_same_are_that_answer(cast, project):
    (document,) = add_documents(cast.acme, project, TEXT)
    for user in (cast.alice, cast.bob):
        submit(document, user, ADA, classes={"topic": ["billing"]})

    (line,) = export(project)

    (latest,) = export(project, answers="latest")
    assert line == latest | {"answers": 2, "exhaustive": True, "disputed": []}


def test_one_persons_answer_is_written_as_the_latest_is_byte_for_byte(cast, project):
    documents = add_documents(cast.acme, project, TEXT, "Zoë 😀\n", "untouched", "unfinished")
    with tenant_scope(cast.acme):
        Document.objects.filter(pk=documents[0].pk).update(meta={"n": 12345678901234567890123, "x": [1.10, "é"]})
    submit(documents[0], cast.bob, ADA)
    submit(documents[1], cast.bob)
    submit(documents[3], cast.bob, complete=False)

    written = [
        b"".join(Export(cast.acme, project.pk, Options(documents=which, answers=answers)))
        for which in ("annotated", "all")
        for answers in ("majority", "latest")
    ]

    assert written[0] == written[1]
    assert written[2] == written[3]


def test_what_stands_beside_several_answers_is_not_touched(cast, project):
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        Document.objects.filter(pk=document.pk).update(meta={"n": 12345678901234567890123})
    submit(document, cast.alice, ADA)
    submit(document, cast.bob, BO)

    data = b"".join(Export(cast.acme, project.pk, Options()))

    assert b"12345678901234567890123" in data
    assert json.loads(data)["text"] == TEXT


@pytest.mark.parametrize("which", ["all", "open", "differs", "flagged"])
def test_the_rule_holds_for_every_choice_of_documents(cast, project, which):
    project.annotators_per_document = 5
    with tenant_scope(cast.acme):
        project.save()
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        for user, spans in ((cast.alice, [ADA]), (cast.bob, [BO])):
            annotate(document, user, Submission(uuid.uuid4(), 0, {"spans": spans}, flag="flagged"))

    (line,) = export(project, documents=which)

    assert (line["spans"], len(line["disputed"]), line["answers"]) == ([], 2, 2)


def test_disputed_places_are_counted_as_the_others_are(cast, project):
    (document,) = add_documents(cast.acme, project, "😀 " + TEXT)
    moved = [{**span, "start": span["start"] + 2, "end": span["end"] + 2} for span in (ADA, OSLO)]
    submit(document, cast.alice, *moved, relations=[{"head": 0, "tail": 1, "label": "lives_in"}])
    submit(document, cast.bob)

    (line,) = export(project, offsets="utf16")

    assert line["offsets"] == "utf16"
    span, _, relation = line["disputed"]
    assert (span["start"], span["end"]) == (3, 6)
    assert (relation["head"]["start"], relation["tail"]["start"]) == (3, 17)


def test_a_suggestion_that_one_rejected_and_another_took_teaches_nothing(cast, project, tmp_path):
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        shown = suggested(document, ADA, OSLO)
        verdicts = [{"suggestion": shown.pk, "item": item, "verdict": "reject"} for item in ("s0", "s1")]
        sent = Submission(uuid.uuid4(), 0, {"spans": [ADA_MET]}, complete=False, decisions=verdicts)
        annotate(document, cast.alice, sent)
    submit(document, cast.bob, ADA, complete=False)

    (line,) = learnt(project, tmp_path)

    assert [(item["start"], item["end"]) for item in line["disputed"]] == [(0, 7), (0, 3)]
    assert line["rejected"] == [OSLO]


def test_an_export_counts_the_documents_in_which_something_is_open(cast, project):
    differ, agree, _ = add_documents(cast.acme, project, TEXT, "same", "nobody")
    submit(differ, cast.alice, ADA)
    for document, user in ((differ, cast.bob), (agree, cast.alice), (agree, cast.bob)):
        submit(document, user)

    exported = Export(cast.acme, project.pk, Options())
    lines = list(exported)

    assert (len(b"".join(lines).splitlines()), exported.count, exported.report.disputed) == (2, 2, 1)


def test_options_of_exports_that_were_asked_for_before_are_still_known():
    assert Options(documents="annotated", answers="latest", offsets="codepoints", format="csv").answers == "latest"
    assert Options.parse({}).answers == "majority"
    assert {Options.parse({"answers": answers}).answers for answers in jsonl.ANSWERS} == set(jsonl.ANSWERS)


def test_two_marks_that_overlap_may_both_stand_where_the_project_allows_it():
    given = [consensus.Given({"spans": [span], "classes": {}, "relations": []}, False) for span in (ADA, ADA_MET)]

    kept = consensus.of(
        given, Schema(frozenset({"PERSON"}), {"topic": Choices(False, frozenset())}, allow_overlap=True), TEXT
    )

    assert (kept.spans, kept.disputed) == ([ADA_MET, ADA], [])


def test_training_reads_the_snapshot_as_it_is_meant(cast, project, tmp_path):
    (document,) = add_documents(cast.acme, project, TEXT)
    relation = {"relations": [{"head": 0, "tail": 1, "label": "lives_in"}]}
    submit(document, cast.alice, ADA, OSLO, classes={"topic": ["billing"], "tone": ["angry", "urgent"]}, **relation)
    submit(document, cast.bob, ADA_MET, OSLO, classes={"topic": ["praise"], "tone": ["angry"]})
    with tenant_scope(cast.acme):
        taken = snapshot.write(project, tmp_path / "snapshot.jsonl")

    (example,) = examples.read(taken.path)

    ada, ada_met, oslo = (examples.Span(**span) for span in (ADA, ADA_MET, OSLO))
    assert example.complete  # but for what is disputed
    assert (example.spans, example.relations) == ((oslo,), ())
    assert example.disputed.spans == {ada, ada_met}
    assert example.disputed.relations == {(ada, oslo, "lives_in")}
    assert [example.answer_to(Question(name, name == "tone", ("billing", "angry"))) for name in ("topic", "tone")] == [
        None, None,
    ]  # fmt: skip


def test_what_is_disputed_is_called_as_labels_are_today(cast, project):
    (document,) = add_documents(cast.acme, project, TEXT)
    submit(document, cast.alice, ADA, OSLO, relations=[{"head": 0, "tail": 1, "label": "lives_in"}])
    submit(document, cast.bob, OSLO, classes={"topic": ["billing"]})
    (line,) = export(project)

    with tenant_scope(cast.acme):
        labels.rename(Label.objects.get(project=project, name="PERSON"), "HUMAN", actor=None)
        labels.rename_question(ProjectQuestion.objects.get(project=project, name="topic"), "subject", actor=None)
        today = Schema.of(project).names.line(line)

    assert today["disputed"] == export(project)[0]["disputed"]
    assert {item.get("question", item["label"]) for item in today["disputed"]} == {"HUMAN", "lives_in", "subject"}


@st.composite
def answers_of_people(draw) -> list[consensus.Given]:
    found = []
    for _ in range(draw(st.integers(1, 4))):
        cuts = sorted(draw(st.sets(st.integers(0, 7), max_size=6)))
        pairs = zip(cuts[::2], cuts[1::2], strict=False)
        spans = [{"start": a, "end": b, "label": draw(st.sampled_from("PQ"))} for a, b in pairs]
        ends = st.tuples(st.sampled_from(range(len(spans))), st.sampled_from(range(len(spans)))) if spans else st.none()
        joined = (
            draw(st.sets(ends.filter(lambda pair: pair and pair[0] != pair[1]), max_size=2)) if len(spans) > 1 else ()
        )
        answer = {
            "spans": spans,
            "classes": draw(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "topic": st.sampled_from([["a"], ["b"], ["c"]]),
                        "tone": st.sampled_from([[], ["x"], ["y"], ["x", "y"]]),
                    },
                )
            ),
            "relations": [{"head": head, "tail": tail, "label": "r"} for head, tail in sorted(joined)],
        }
        found.append(consensus.Given(answer, draw(st.booleans())))
    return found


ASKED = Schema(
    frozenset("PQ"),
    {"topic": Choices(False, frozenset("abc")), "tone": Choices(True, frozenset("xy"))},
    frozenset("r"),
)


@settings(max_examples=300)
@given(answers_of_people())
def test_together_people_say_no_more_than_most_of_them_did(people):
    said = [set(things(one.answer)) for one in people]

    found = consensus.of(people, ASKED, "x" * 8)

    answer = {"spans": found.spans, "classes": found.classes, "relations": found.relations}
    assert clean_answer(answer, "x" * 8, ASKED) == answer  # no overlap, and every relation has its ends
    for thing in things(answer):
        for_it = sum(thing in one for one in said)
        lacking = sum(one.complete and thing not in has for one, has in zip(people, said, strict=True))
        assert for_it > lacking
    for thing in set().union(*said) - set(things(answer)):
        lacking = sum(one.complete and thing not in has for one, has in zip(people, said, strict=True))
        if found.complete:
            assert lacking >= sum(thing in has for has in said)
    assert found.complete <= all(one.complete for one in people)
    backwards = consensus.of(people[::-1], ASKED, "x" * 8)
    assert (found.spans, found.classes, found.complete) == (backwards.spans, backwards.classes, backwards.complete)


def test_white_space_taken_along_is_no_other_opinion():
    text = "See Bo now."
    wide, narrow = ({"start": start, "end": end, "label": "P"} for start, end in ((3, 6), (4, 6)))
    given = [consensus.Given({"spans": [span], "classes": {}, "relations": []}, True) for span in (wide, narrow)]

    together, alone = consensus.of(given, ASKED, text), consensus.of(given[:1], ASKED, text)

    assert (together.spans, together.disputed) == ([narrow], [])
    assert alone.spans == [wide], "what one person says stays as it was said"
    assert alone.says(("span", (4, 6), "P"))


def test_whether_something_is_right_is_known_only_where_people_agree():
    def people(*spans: dict, complete: bool = True) -> consensus.Given:
        return consensus.Given({"spans": list(spans), "classes": {}, "relations": []}, complete)

    ada, bo, oslo = (("span", (span["start"], span["end"]), span["label"]) for span in (ADA, BO, OSLO))
    differ, unfinished = [people(ADA, BO), people(BO)], [people(BO, complete=False)]

    assert [consensus.of(differ, ASKED, TEXT).says(item) for item in (bo, ada, oslo)] == [True, None, False]
    assert [consensus.of(unfinished, ASKED, TEXT).says(item) for item in (bo, oslo)] == [True, None]


def turned_down(document, user, shown, *items, **answer):
    """This person's unfinished answer, which rejects what was suggested."""
    decisions = [{"suggestion": shown.pk, "item": item, "verdict": "reject"} for item in items]
    sent = Submission(uuid.uuid4(), 0, answer, complete=False, decisions=decisions)
    annotate(document, user, sent)


@pytest.mark.parametrize("complete", [True, False])
def test_who_turned_a_suggestion_down_says_that_it_is_wrong(cast, project, tmp_path, complete):
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        shown = suggested(document, ADA, BO)
        turned_down(document, cast.bob, shown, "s0", "c0", spans=[BO])

    submit(document, cast.alice, ADA, BO, classes={"topic": ["praise"]}, complete=complete)

    for (line,) in (export(project), learnt(project, tmp_path)):
        assert line["spans"] == [BO]
        assert line["disputed"] == [
            {"kind": "span", **ADA, "for": 1, "against": 1},
            {"kind": "choice", "question": "topic", "label": "praise", "for": 1, "against": 1},
        ]
        assert line["classes"] == {}
    assert learnt(project, tmp_path)[0]["rejected"] == []
    page = signed_in(cast.alice).get(f"/t/{cast.acme.slug}/documents/{document.pk}/answers").content.decode()
    assert page.casefold().count("disputed") >= 2


def test_who_turned_it_down_is_outvoted_like_anybody(cast, project, dora):
    (document,) = add_documents(cast.acme, project, TEXT)
    with tenant_scope(cast.acme):
        shown = suggested(document, ADA)
        turned_down(document, cast.bob, shown, "s0", "c0", spans=[])
    for user in (cast.alice, dora):
        submit(document, user, ADA, classes={"topic": ["praise"]}, complete=False)

    (line,) = export(project)

    assert (line["spans"], line["classes"], line["disputed"]) == ([ADA], {"topic": ["praise"]}, [])


def test_a_relation_between_spans_that_are_one_but_for_white_space_goes(cast, tmp_path):
    project = make_project(cast.acme, annotators_per_document=2, check_share=0, allow_overlap=True)
    (document,) = add_documents(cast.acme, project, " " + TEXT)
    spans = [{"start": 0, "end": 4, "label": "PERSON"}, {"start": 1, "end": 4, "label": "PERSON"}]
    submit(document, cast.alice, *spans, relations=[{"head": 0, "tail": 1, "label": "lives_in"}])
    submit(document, cast.bob, spans[1])

    (line,) = learnt(project, tmp_path)

    assert (line["spans"], line["relations"], line["disputed"]) == ([spans[1]], [], [])
    examples.parse(line)
