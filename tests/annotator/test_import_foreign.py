"""Files of other tools: whatever labels they hold, no row says what nobody said."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from annotator import jobs
from annotator.errors import Refusal
from annotator.importing import foreign
from annotator.importing.load import load
from annotator.importing.options import Options
from annotator.models import Annotation, Document, Job, Label, Question
from annotator.tenancy import tenant_scope
from tests.cast import make_project

TEXT = "Nordlys hired Ada"
DOCCANO = {"id": 0, "start_offset": 0, "end_offset": 7, "label": "PERSON"}
ASKED = "looks like labels"
SPANS = [{"start": 0, "end": 7, "label": "PERSON"}, {"start": 14, "end": 17, "label": "PERSON"}]


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


QUESTIONS = [
    {"name": "topic", "choices": ["billing", "delivery", "praise"]},
    {"name": "tone", "choices": ["angry", "friendly", "urgent"]},
]


@pytest.fixture
def project(cast):
    project = make_project(cast.acme, check_share=0, questions=QUESTIONS)
    with tenant_scope(cast.acme):
        yield project


def take(cast, project, *rows, **options):
    """The report of importing these rows as JSON lines in alice's name."""
    data = "".join(json.dumps({"text": TEXT, **row}) + "\n" for row in rows).encode()
    return load(project, io.BytesIO(data), Options("jsonl", **options), user=cast.alice)


def notes(report) -> list[tuple[str, str, int]]:
    return [(note["code"], note["field"], note["rows"]) for note in report.told.notes()]


@pytest.mark.parametrize(
    ("labels", "field"),
    [
        ({"entities": [DOCCANO]}, "entities"),
        ({"label": [[0, 7, "PERSON"]]}, "label"),
        ({"labels": ["PERSON"]}, "labels"),
        ({"spaCy": {"entities": [[0, 7, "X"]]}}, "spaCy"),
        ({"marks": [{"begin": 0, "end": 7, "type": "X"}]}, "marks"),
        ({"annotations": [{"start": 0, "end": 7, "tag": "X"}]}, "annotations"),
        ({"annotations": [{"result": [{"value": {"start": 0, "end": 7, "labels": ["X"]}}]}]}, "annotations"),
        ({"ner": ["B-X", "O", "O"]}, "ner"),
        ({"mine": ["B-X", "O", "O"]}, "mine"),
        ({"cats": {"praise": 1.0, "billing": 0.0}}, "cats"),
        ({"mine": {"praise": True, "billing": False}}, "mine"),
        ({"what": "Praise"}, "what"),
        ({"what": ["angry", "urgent"]}, "what"),
        ({"accept": ["praise"], "options": [{"id": "praise", "text": "Praise"}], "_task_hash": 1}, "accept"),
        ({"intent": "refund"}, "intent"),
        ({"completions": [{"x": 1}]}, "completions"),
        ({"Spans": [{"start": 0, "end": 7, "label": "PERSON"}]}, "Spans"),
        ({"entities": []}, "entities"),
        ({"sentiment": {"choices": ["Good", "Long"]}}, "sentiment"),
        ({"mood": "Good", "annotator": 1, "annotation_id": 3, "lead_time": 4.2}, "annotation_id"),
        ({"paragraphs": [{"sentences": [{"tokens": [{"orth": "Ada", "ner": "U-X"}]}]}]}, "paragraphs"),
        ({"triggers": [["T1", "Hire", [[8, 13]]]]}, "triggers"),
        ({"topic.responses": ["pos"], "topic.responses.users": ["a"]}, "topic.responses"),
        ({"responses": {"q": [{"value": "pos"}]}}, "responses"),
        ({"_views": {"_InitialView": {"NamedEntity": [{"sofa": 1, "begin": 0, "end": 7, "value": "X"}]}}}, "_views"),
        ({"tokens": ["Nordlys", "hired", "Ada"], "fine_ner_tags": [1, 0, 2]}, "fine_ner_tags"),
        ({"labelText": "pos"}, "labelText"),
        ({"angry": 0, "friendly": 1}, "angry"),
        ({"label": False}, "label"),
        ({"messages": [{"role": "assistant", "content": '{"entities": [[0, 7, "X"]]}'}]}, "messages"),
        ({"output": "<X>Nordlys</X> hired Ada"}, "output"),
        ({"bio": "B-X O O"}, "bio"),
        ({"category": "sports"}, "category"),
        ({"marks": [{"start": 0.0, "end": 7.0, "label": "X"}]}, "marks"),
        ({"marks": [[0.0, 7.0, "X"]]}, "marks"),
        ({"a": {"b": {"c": {"d": {"e": {"f": {"g": [[0, 7, "X"]]}}}}}}}, "a"),
        ({"marks": [{"x": 1}] * 60 + [{"start": 0, "end": 7, "label": "X"}]}, "marks"),
        ({"offsets": [[0, 7]], "types": ["X"]}, "offsets"),
        ({"offsets": [0, 7], "kinds": ["X"]}, "kinds"),
        ({"starts": [0], "ends": [7], "names": ["X"]}, "names"),
        ({"start": [0], "end": [7], "type": ["X"]}, "type"),
        ({"tokens": ["Nordlys", "hired", "Ada"], "mine": ["X", "O", "Y"]}, "mine"),
        ({"words": ["Nordlys", "hired", "Ada"], "iob": [1, 0, 1]}, "iob"),
        ({"tokens": [{"text": "Nordlys", "ent_type": "X"}]}, "tokens"),
        ({"marks": [{"start": 0, "end": 7, "kind": "X"}]}, "marks"),
        ({"marks": [{"offsets": [[0, 7]], "type": "X"}]}, "marks"),
        ({"marks": [{"locations": [{"offset": 0, "length": 7}], "infons": {"type": "X"}}]}, "marks"),
        ({"marks": [{"pos": [0, 7], "type": "X"}]}, "marks"),
        ({"marks": [[0, 7, "X", 0.9]]}, "marks"),
        ({"marks": [[0, 7, "X", "Nordlys"]]}, "marks"),
        ({"marks": [[[0, 7], "X"]]}, "marks"),
        ({"marks": [["T1", "X", [[0, 7]]]]}, "marks"),
        ({"evidence": [[0, 7], [14, 17]]}, "evidence"),
        ({"marks": {"PERSON": [[0, 7]]}}, "marks"),
        ({"PERSON": ["Ada"]}, "PERSON"),
        ({"ann": "T1\tX 0 7\tNordlys"}, "ann"),
        ({"mine": "T1\tX 0 7\tNordlys\nT2\tX 14 17\tAda"}, "mine"),
        ({"mine": "[(0, 7, 'X')]"}, "mine"),
        ({"mine": "[{'start': 0, 'end': 7, 'label': 'X'}]"}, "mine"),
        ({"mine": "{'entities': [(0, 7, 'X')]}"}, "mine"),
        ({"suggestions": {"topic": {"value": "pos"}}}, "suggestions"),
        ({"topic.suggestion": "pos"}, "topic.suggestion"),
        ({"annotation_sets": {"": {"annotations": [{"type": "X", "start": 0, "end": 7}]}}}, "annotation_sets"),
        ({"denotations": []}, "denotations"),
        ({"messages": [{"role": "user", "content": TEXT}, {"role": "assistant", "content": "pos"}]}, "messages"),
        ({"conversations": [{"from": "human", "value": TEXT}, {"from": "gpt", "value": "pos"}]}, "conversations"),
        ({"answers": {"text": ["Ada"], "answer_start": [14]}}, "answers"),
        ({"Topic": "refund"}, "Topic"),
        ({"polarity": "pos"}, "polarity"),
        ({"choice": "pos"}, "choice"),
        ({"job": 1, "job-metadata": {"class-name": "pos"}}, "job-metadata"),
    ],
)
@pytest.mark.parametrize("empty", [{"spans": []}, {"spans": [], "classes": {}, "relations": []}])
def test_nothing_here_is_not_believed_beside_labels_that_are_not_read(cast, project, labels, field, empty):
    report = take(cast, project, {"id": "a", **empty, **labels})

    (error,) = report.errors
    assert (error["line"], error["field"]) == (1, field)
    assert ASKED in error["reason"]
    assert "unread_labels=unlabelled" in error["reason"]
    assert not Document.objects.exists()


@pytest.mark.parametrize("empty", [{"relations": []}, {"classes": {}}, {"spans": None, "classes": None}, {}])
def test_a_row_without_an_answer_of_its_own_comes_in_unlabelled_and_is_told(cast, project, empty):
    report = take(cast, project, {"entities": [DOCCANO], **empty})

    assert (report.new, report.refused, Annotation.objects.count()) == (1 - len(report.errors), len(report.errors), 0)
    if "relations" in empty or ("classes" in empty and empty["classes"] is not None):
        assert ASKED in report.errors[0]["reason"]
    else:
        assert notes(report) == [("unread", "entities", 1)]
        assert report.told.notes()[0]["message"].startswith("The field “entities” seems to hold labels (doccano).")
        assert Document.objects.get().free_slots == 1


def test_whoever_says_so_gets_documents_without_labels(cast, project):
    row = {"entities": [DOCCANO], "spans": [], "relations": []}

    report = take(cast, project, row, unread_labels="unlabelled")

    assert (report.new, report.refused, Annotation.objects.count()) == (1, 0, 0)
    assert notes(report) == [("unread", "entities", 1)]
    assert Document.objects.get().meta == {"entities": [DOCCANO]}


def test_to_leave_a_field_out_does_not_make_its_labels_nothing(cast, project):
    report = take(cast, project, {"spans": [], "entities": [DOCCANO]}, leave_out=("entities",))

    assert report.refused == 1


@pytest.mark.parametrize("alone", [{"relations": []}, {"classes": {}}, {"classes": {}, "relations": []}])
def test_an_empty_field_alone_is_no_answer(cast, project, alone):
    report = take(cast, project, alone)

    assert (report.new, Annotation.objects.count()) == (1, 0)
    assert [code for code, *_ in notes(report)] == ["empty"]


@pytest.mark.parametrize(
    "said",
    [
        {"spans": []},
        {"spans": [], "complete": False},
        {"classes": {}, "complete": True},
        {
            "spans": [],
            "classes": {},
            "relations": [],
            "complete": True,
            "split": "pool",
            "meta": {"entities": [DOCCANO]},
        },
        {"spans": [], "entities": [], "complete": True},
        {"spans": [], "complete": False, "rejected": [{"start": 0, "end": 7, "label": "PERSON"}]},
        {"spans": [], "tokens": [{"text": "Nordlys", "start": 0, "end": 7, "id": 0}], "answer": "accept"},
        {"spans": [], "from": "web", "kind": "mail", "headers": {"from": "Ada", "to": "Bob", "type": "mail"}},
    ],
)
def test_nothing_here_in_our_own_words_is_an_answer(cast, project, said):
    report = take(cast, project, said)

    assert (report.new, notes(report)) == (1, [])
    annotation = Annotation.objects.get()
    assert (annotation.answer["spans"], annotation.complete) == ([], said.get("complete", True))


def test_labels_that_are_read_stay_and_others_are_told(cast, project):
    report = take(cast, project, {"spans": [{"start": 14, "end": 17, "label": "PERSON"}], "label": "refund"})

    assert notes(report) == [("beside", "label", 1)]
    assert len(Annotation.objects.get().answer["spans"]) == 1


@pytest.mark.parametrize(("said", "code"), [("reject", "reject"), ("Ignore", "ignore"), ("skip", "ignore")])
def test_what_was_rejected_or_ignored_is_no_label(cast, project, said, code):
    span = {"start": 14, "end": 17, "label": "PERSON"}
    rows = [{"id": answer, "spans": [span], "answer": answer, "_view_id": "ner_manual"} for answer in ("accept", said)]

    report = take(cast, project, *rows)

    assert (report.new, notes(report)) == (2, [(code, "answer", 1)])
    assert Annotation.objects.get().document.external_id == "accept"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"status": "rejected"}, "reject"),
        ({"state": "Discarded"}, "ignore"),
        ({"record_status": "discarded"}, "ignore"),
        ({"review_status": "declined"}, "reject"),
        ({"decision": "Cancelled"}, "ignore"),
        ({"accept": 0}, "reject"),
        ({"answer": False}, "reject"),
        ({"is_valid": False}, "reject"),
        ({"isValid": 0.0}, "reject"),
        ({"approved": "no"}, "reject"),
        ({"rejected": True}, "reject"),
        ({"was_cancelled": True}, "ignore"),
        ({"Skipped": 1}, "ignore"),
    ],
)
def test_a_verdict_in_a_field_of_any_tool_is_heeded(cast, project, said, code):
    rows = ({"spans": [{"start": 14, "end": 17, "label": "PERSON"}]}, {"spans": []}, {"classes": {"topic": ["praise"]}})

    report = take(cast, project, *({"id": str(n), **row, **said} for n, row in enumerate(rows)))

    assert (report.new, notes(report)) == (3, [(code, next(iter(said)), 3)])
    assert f"“{next(iter(said))}”" in report.told.notes()[0]["message"]
    assert not Annotation.objects.exists()


@pytest.mark.parametrize("said", [{"answer": "reject"}, {"accepted": False}, {"status": "ignored"}])
def test_a_span_that_somebody_turned_down_is_no_label(cast, project, said):
    spans = [{"start": 14, "end": 17, "label": "PERSON"}, {"start": 0, "end": 7, "label": "PLACE", **said}]

    report = take(cast, project, {"spans": spans})

    assert [field for _, field, _ in notes(report)] == [f"spans.{next(iter(said))}"]
    assert not Annotation.objects.exists()


@pytest.mark.parametrize(
    "plain",
    [
        {"status": "published"},
        {"status": "cancelled"},
        {"state": "draft"},
        {"order_status": "rejected"},
        {"order": {"status": "rejected"}},
        {"verified": False},
        {"rejected": []},
        {"is_valid": True},
        {"was_cancelled": False},
        {"meta": {"answer": "reject"}},
        {"annotation_approver": None},
        {"answer": "accept"},
    ],
)
def test_what_is_no_verdict_takes_no_labels_away(cast, project, plain):
    report = take(cast, project, {"spans": [{"start": 14, "end": 17, "label": "PERSON"}], **plain})

    assert (report.new, notes(report), Annotation.objects.count()) == (1, [], 1)


def test_a_verdict_in_a_column_is_heeded(cast, project):
    data = b"text,kind,is_valid,status\na,praise,TRUE,open\nb,praise,FALSE,open\nc,billing,,discarded\nd,,0,open\n"

    report = load(project, io.BytesIO(data), Options("csv", classes=("kind=topic",)), user=cast.alice)

    assert notes(report)[1:] == [("reject", "is_valid", 1), ("ignore", "status", 1)]
    assert Annotation.objects.get().document.text == "a"


@pytest.mark.parametrize(
    ("row", "span"),
    [
        ({"_is_binary": True}, {}),
        ({"_view_id": "ner"}, {}),
        ({"_task_hash": 7}, {"score": 0.5, "rank": 0}),
        ({"_task_hash": 7}, {"score": 0.5, "priority": 0.5, "pattern": 3}),
    ],
)
def test_a_yes_to_what_was_shown_does_not_know_of_the_rest(cast, project, row, span):
    report = take(cast, project, {"spans": [{"start": 14, "end": 17, "label": "PERSON", **span}], "answer": "accept",
                                  **row})  # fmt: skip

    assert notes(report) == [("binary", "", 1)]
    assert Annotation.objects.get().complete is False


def test_what_was_marked_by_hand_is_complete_in_prodigy_too(cast, project):
    span = {"start": 14, "end": 17, "label": "PERSON", "token_start": 2, "source": "web", "score": 0.5}

    report = take(cast, project, {"spans": [span], "answer": "accept", "_view_id": "ner_manual", "_task_hash": 7})

    assert notes(report) == []
    assert Annotation.objects.get().complete is True


def test_who_answers_a_question_says_nothing_about_spans(cast, project):
    report = take(cast, project, {"id": "a", "classes": {"topic": ["praise"]}},
                  {"id": "b", "classes": {"topic": ["praise"]}, "complete": True})  # fmt: skip

    assert notes(report) == [("unsaid", "", 1)]
    assert dict(Annotation.objects.values_list("document__external_id", "complete")) == {"a": False, "b": True}


@pytest.mark.parametrize(
    ("said", "unsaid"),
    [
        ({"spans": []}, [("unsaid_choices", "tone", 1)]),
        ({"spans": [], "classes": {"topic": ["praise"]}}, [("unsaid_choices", "tone", 1)]),
        ({"spans": [], "classes": {"tone": []}}, []),
        ({"spans": [], "classes": {"mood": ["angry"]}}, []),
        ({"spans": SPANS, "classes": {"tone": []}}, [("unsaid_relations", "", 1)]),
        ({"spans": SPANS, "classes": {"tone": []}, "relations": []}, []),
        ({"spans": SPANS[:1], "classes": {"tone": []}}, []),
        ({"spans": SPANS, "complete": True}, []),
    ],
)
def test_who_marks_spans_says_nothing_about_choices_and_relations(cast, said, unsaid):
    project = make_project(cast.acme, check_share=0)
    with tenant_scope(cast.acme):
        Question.objects.filter(name="tone").update(former=["mood"])

        report = take(cast, project, said)

        assert notes(report) == unsaid
        assert Annotation.objects.get().complete is not bool(unsaid)


def test_a_question_whose_choices_are_all_retired_is_not_asked(cast):
    project = make_project(cast.acme, check_share=0)
    with tenant_scope(cast.acme):
        Label.objects.filter(question__name="tone").update(retired=True)

        assert notes(take(cast, project, {"spans": []})) == []


@pytest.mark.parametrize(
    ("said", "field", "reason"),
    [
        ({"spans": ""}, "spans", "must be a list"),
        ({"spans": {}}, "spans", "must be a list"),
        ({"classes": []}, "classes", "must be an object of lists"),
        ({"relations": 0}, "relations", "must be a list"),
    ],
)
def test_what_is_no_list_is_not_an_empty_one(cast, project, said, field, reason):
    (error,) = take(cast, project, said).errors

    assert (error["field"], error["reason"]) == (field, reason)


def test_a_text_that_lies_deeper_is_told(cast, project):
    data = json.dumps({"id": 1, "data": {"text": TEXT}, "annotations": [{"result": []}]}).encode()

    (error,) = load(project, io.BytesIO(data), Options("jsonl"), user=cast.alice).errors

    assert error["reason"] == "is missing; there is a text in `data.text`, but only fields of the row itself are read"


def test_spans_with_white_space_at_their_edges_are_kept_and_told(cast, project):
    spans = [{"start": 0, "end": 8, "label": "PLACE"}, {"start": 14, "end": 17, "label": "PERSON"}]

    report = take(cast, project, {"spans": spans, "relations": []})

    assert notes(report) == [("edges", "", 1)]
    assert Annotation.objects.get().answer["spans"] == spans


def test_a_table_with_labels_in_a_column_says_so(cast, project):
    data = b'text,label,spans\nAda,PERSON,"[[0, 3, ""PERSON""]]"\n'

    report = load(project, io.BytesIO(data), Options("csv"), user=cast.alice)

    assert {field for _, field, _ in notes(report)} == {"label", "spans"}
    assert not Annotation.objects.exists()


@pytest.mark.parametrize(
    ("lines", "like"),
    [
        (("EU\tB-ORG", "rejects O", "German B-MISC", ""), "CoNLL"),
        (("__label__neg Bad service", "__label__pos Great"), "fastText"),
        (("T1\tPerson 0 3\tAda", "R1\tKnows Arg1:T1 Arg2:T2"), "brat"),
        (("Schick mir eine E-Mail", "Plain text", "More of it"), ""),
    ],
)
def test_lines_of_another_format_are_told(cast, project, lines, like):
    report = load(project, io.BytesIO("\n".join(lines).encode()), Options("txt"))

    assert [note["like"] for note in report.told.notes()] == ([like] if like else [])


def test_the_preview_counts_who_waits_for_a_word(cast, project):
    rows = [{"id": n, "text": TEXT, "spans": [], "entities": [DOCCANO] if n else []} for n in range(3)]
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    job = jobs.start_import(project, cast.alice, io.BytesIO(data), "a.jsonl", {}, state=Job.State.UPLOADED)

    asked = jobs.preview(job)
    answered = jobs.preview(job, {"unread_labels": "unlabelled"})

    assert (asked.asks, asked.told.reasons()[0]["rows"]) == (3, 2)
    assert (answered.asks, answered.problems) == (0, [])
    jobs.confirm(job)
    jobs.run_import(cast.acme, job.pk)
    job.refresh_from_db()
    assert (job.rows_new, Annotation.objects.count()) == (3, 0)
    assert job.told["told"][0]["code"] == "unread"


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_a_look_at_odd_values_ends(format):
    deep: list = []
    for _ in range(500):
        deep = [deep]

    many = {
        "b": "[" * 5_000,
        "c": [[]],
        "d": [{}] * 10_000,
        "e": {},
        "f": "[" + "9" * 90_000,
        "g": "['" + "start" * 9_000,
    }
    assert foreign.found({"a": deep, **many}) == []


DATA = Path(os.environ.get("MARGINALIA_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
PEERS = DATA / "peers"


@pytest.mark.skipif(not PEERS.is_dir(), reason=f"no files of peers in {PEERS} (set MARGINALIA_DATA)")
def test_no_file_of_a_peer_becomes_an_answer_that_it_does_not_have(cast, project):
    """Only Prodigy's spans have our form; of all others no answer may come, and none is passed over in silence."""
    labelled = [path for path in PEERS.rglob("*") if path.suffix in (".json", ".jsonl", ".csv", ".tsv", ".txt")]
    for path in labelled:
        if path.stat().st_size > 2_000_000 or "prodigy" in path.parts or path.parts[-2] == "demo":
            continue
        try:
            job = jobs.start_import(project, cast.alice, path, path.name, {}, state=Job.State.UPLOADED)
        except Refusal:
            continue
        found = jobs.preview(job)
        jobs.confirm(job)
        jobs.run_import(cast.acme, job.pk)
        job.refresh_from_db()

        assert job.state in ("succeeded", "failed"), path
        assert "not foreseen" not in job.reason, path
        assert not Annotation.objects.exists(), path
        silent = found.read and not found.fault and not found.told.notes() and not found.told.reasons()
        assert not (silent and any(name in ("label", "labels", "entities", "annotations") for name in found.names)), (
            path
        )


@pytest.mark.skipif(not PEERS.is_dir(), reason=f"no files of peers in {PEERS} (set MARGINALIA_DATA)")
def test_prodigys_labels_are_read_and_the_same_fault_is_told_once(cast, project):
    with (PEERS / "prodigy/ner_drugs/drugs_eval.jsonl").open("rb") as file:
        report = load(project, file, Options("jsonl"), user=cast.alice)

    (told,) = report.told.reasons()
    assert (told["field"], told["reason"]) == ("spans", "there is no span label 'DRUG' in this project")
    assert (told["rows"], len(told["lines"]), report.refused) == (len(report.errors), 5, len(report.errors))


@pytest.mark.parametrize(
    "empty", [{"classes": {"tone": []}}, {"classes": {"topic": []}}, {"classes": {}, "relations": []}]
)
def test_a_question_without_choices_is_not_answered_beside_labels_that_are_not_read(cast, project, empty):
    report = take(cast, project, {"id": "a", **empty, "labels": ["angry"]})

    (error,) = report.errors
    assert error["field"] == "labels"
    assert not Document.objects.exists()


def test_an_empty_answer_to_a_question_that_takes_one_choice_is_none_and_told(cast, project):
    report = take(cast, project, {"id": "a", "classes": {"topic": []}})

    assert notes(report) == [("empty", "classes", 1)]
    assert not Annotation.objects.exists()


@pytest.mark.parametrize(
    "plain",
    [
        {"source": "web", "page": 3, "read": True},
        {"tokens": [{"text": "Nordlys", "start": 0, "end": 7, "id": 0, "ws": True}]},
        {"bool": False, "toxic": 0},
        {"author": {"name": "Bo", "tags": []}},
        {"words": ["O", "Bo"], "place": [1, 2, 3], "size": ["1", "2", "x"]},
        {"status": "published", "author": "Bo", "created": "2024-01-05", "priority": 3, "opens": "10:30, Room 5"},
        {"person": "Bo", "date": "2024-01-05", "annotation_date": "2024-01-06", "sender": {"place": "Oslo"}},
        {"messages": [{"role": "customer", "content": "Hi"}, {"role": "agent", "content": "Hello"}]},
        {"segments": [{"start": 0, "end": 4, "speaker": "Bo"}], "bbox": [10, 20, 110, 40], "at": [52.5, 13.4]},
        {"position": [3, 4], "name": "x", "votes": {"up": 3, "down": 1}, "note": "[draft] (1, 2, x)"},
        {"stars": 5, "verified": False, "suggestion": "more shops", "answers": "see above"},
    ],
)
def test_what_is_no_label_is_not_taken_for_one(cast, project, plain):
    report = take(cast, project, {"id": "a", "spans": [], **plain})

    assert (report.new, notes(report)) == (1, [])
    assert Annotation.objects.get().complete


def test_labels_of_a_document_that_is_there_already_are_told_as_not_taken(cast, project):
    both = [{"id": "a", "spans": [], "annotator": name} for name in ("bob", "dora")]

    first = take(cast, project, *both, {"id": "b"}, {"id": "b"})
    again = take(cast, project, both[1])

    assert (first.new, first.known, notes(first)) == (2, 2, [("known", "", 1)])
    assert (again.known, notes(again)) == (1, [("known", "", 1)])


def test_what_people_left_open_is_told_and_not_taken(cast, project):
    disputed = [{"kind": "span", "start": 0, "end": 7, "label": "PERSON", "for": 1, "against": 1}]
    several = {"spans": [], "complete": False, "answers": 2, "exhaustive": True}

    report = take(cast, project, {"id": "a", **several, "disputed": disputed}, {"id": "b", **several, "disputed": []})

    assert notes(report) == [("disputed", "", 1)]
    assert not Annotation.objects.get(document__external_id="a").complete


def test_columns_called_like_labels_that_say_yes_or_no_are_told(cast, project):
    report = load(project, io.BytesIO(b"text,angry,Friendly,page\na,1,FALSE,1\n"), Options("csv"), user=cast.alice)

    assert notes(report) == [("unread", "angry", 1), ("unread", "Friendly", 1)]
    assert not Annotation.objects.exists()
