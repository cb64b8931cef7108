"""Training, from the outside: what goes in, what comes out, and what is said of what could not be learnt."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.ml.conftest import Trained, letters, line
from trainer.ml import crossfit, exporting
from trainer.ml.batches import batch_of
from trainer.ml.evaluation import evaluate
from trainer.ml.examples import DataError, Example, parse
from trainer.ml.exporting import FINEST
from trainer.ml.fitting import Fit
from trainer.ml.predictor import load
from trainer.ml.round import Round
from trainer.ml.schema import NothingToLearn, Question, SchemaError
from trainer.ml.training import train

Write = Callable[..., Path]


@pytest.fixture
def in_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests to which it does not matter how good the model gets."""
    monkeypatch.setattr(crossfit, "_steps", lambda *_: crossfit.Steps(rough=3, settled=2, last=3))


def test_spans_and_choices_are_learnt_together(trained: Trained) -> None:
    found, progress = trained.found, trained.progress

    assert (found["examples"], found["held_out"]) == (60, 60)
    assert found["metrics"]["spans"]["f1"] > 0.8
    assert found["metrics"]["questions"]["topic"]["accuracy"] > 0.8
    assert Path(found["export"]).parent.name == "export"
    steps = [told["step"] for told in progress if told["phase"] == "train"]
    assert steps == list(range(1, found["steps"] + 1))
    assert progress[-1]["phase"] == "export"

    fresh = evaluate(found["export"], letters(40, seed=9))
    assert fresh["spans"]["f1"] > 0.85
    assert len(fresh["documents"]) == 40

    [answer] = load(found["export"])(["We met Anna Berg in Rome again ."])
    assert [(s["start"], s["end"], s["label"]) for s in answer["spans"]] == [(7, 16, "person"), (20, 24, "place")]
    assert [choice["label"] for choice in answer["choices"]["topic"]] == ["travel", "money"]
    assert 0 <= answer["uncertainty"] <= 1
    assert answer["total_uncertainty"] > answer["uncertainty"]  # of many tokens and a question


def test_labels_without_an_example_change_nothing_of_the_others(write: Write, tmp_path: Path) -> None:
    lines = [
        {**one, "relations": [{"head": 0, "tail": 1, "label": "visits"}] if len(one["spans"]) == 2 else []}
        for one in letters(40)
    ]
    shown = {
        "spans": ["person", "place"],
        "questions": {"topic": {"multiple": False, "choices": ["money", "travel"]}},
        "relations": ["visits"],
    }
    asked = {
        "spans": ["animal", "person", "place"],
        "questions": {"topic": {"multiple": False, "choices": ["money", "sport", "travel"]}},
        "relations": ["fears", "visits", "wins"],
    }
    data, texts = write(lines), [one["text"] for one in letters(20, seed=5)]

    one, other = (train(data, tmp_path / str(len(schema["spans"])), schema=schema) for schema in (shown, asked))

    assert one["metrics"]["spans"] == other["metrics"]["spans"]
    assert one["metrics"]["thresholds"].keys() == other["metrics"]["thresholds"].keys()
    assert other["metrics"]["not_learnt"] == {"animal": "no example", "fears": "no example", "wins": "no example"}
    models = [load(found["export"]) for found in (one, other)]
    assert models[0].schema == models[1].schema
    found, wide = (exporting.scores_of(model(texts)) for model in models)
    assert found.keys() == wide.keys()
    assert {what for _, *rest in wide for what in rest} >= {"relation", "visits", "person"}
    assert found == pytest.approx(wide, abs=0.02)
    raw = models[1]._run("serving_default", text=tf.constant(texts))
    np.testing.assert_array_equal(raw["choice_0"][:, 1], 0.0)


def test_a_predictor_takes_any_mix_of_texts(trained: Trained) -> None:
    predictor = load(trained.export)
    text = "Please pay Anna Berg before Friday ."
    long = f"{text}\n" * 3000

    answers = predictor(["", " \n", text, long, "😀 " + text, "\ud800" + text])

    alone = predictor([text])[0]
    assert [s["start"] for s in alone["spans"]] == [11]
    assert answers[0]["spans"] == answers[1]["spans"] == []
    assert answers[2]["spans"][0]["score"] == pytest.approx(alone["spans"][0]["score"], abs=1e-5)
    assert [long[s["start"] : s["end"]] for s in answers[3]["spans"]] == ["Anna Berg"] * 3000
    assert [s["start"] for s in answers[4]["spans"]] == [13]
    assert predictor([]) == []


def test_the_export_speaks_without_this_library(trained: Trained) -> None:
    model = tf.saved_model.load(str(trained.export))
    described = json.loads(model.signatures["describe"]()["json"].numpy())
    outputs = model.signatures["serving_default"](text=tf.constant(["We met Otto in Rome again ."]))

    assert described["schema"]["spans"] == ["person", "place"]
    assert described["format"] == 1
    assert [label.decode() for label in outputs["span_label"].numpy()] == ["person", "place"]
    assert outputs["choice_0"].shape == (1, 2)


def span(start: int, end: int, label: str) -> dict[str, Any]:
    return {"start": start, "end": end, "label": label}


TINY = {
    "one document, all of it a span": [line("1", "Oslo", spans=[span(0, 4, "P")])],
    "ten documents, only choices": [{**one, "spans": []} for one in letters(10)],
    "all the same, but for two without text": [line("e", ""), line("s", "  "), *[letters(1)[0]] * 12],
    "a question with several choices": [
        {**one, "spans": [], "classes": {"about": sorted({s["label"] for s in one["spans"]})}} for one in letters(12)
    ],
}


@pytest.mark.parametrize("lines", TINY.values(), ids=TINY)
@pytest.mark.usefixtures("in_few_steps")
def test_tiny_data_gives_a_model(lines: list[dict[str, Any]], write: Write, tmp_path: Path) -> None:
    found = train(write(lines), tmp_path / "model")

    answers = load(found["export"])([one["text"] for one in lines])

    assert len(answers) == len(lines)
    assert json.loads(json.dumps(found)) is not None


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "no lines"),
        ([line("1", "Hello")], "no labelled span and no question"),
        ([line("1", "Oslo", complete=False)], "no line to train on"),
        ([line("1", "Hello", classes={"topic": ["a"]})], "only one choice seen: a"),
        (
            [{**line("1", "Oslo", spans=[span(0, 4, "P")]), "split": "check"}],
            "no line to train on",
        ),
    ],
)
def test_nothing_to_learn_is_said(lines: list[dict[str, Any]], why: str, write: Write, tmp_path: Path) -> None:
    with pytest.raises(NothingToLearn, match=why):
        train(write(lines), tmp_path / "model")

    assert not (tmp_path / "model/export").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"text": "a"', "line 2: not JSON"),
        ("[]", "line 2: not an object"),
        ('{"id": "x"}', "line 2: text: missing"),
        ('{"text": "abc", "spans": [{"start": 2, "end": 9, "label": "A"}]}', r"line 2: spans\[0\]: 2–9 is not within"),
        ('{"text": "abc", "spans": [{"start": 2, "end": 1, "label": "A"}]}', r"line 2: spans\[0\]: 2–1 is not within"),
        ('{"text": "abc", "spans": [{"start": 0, "end": 1}]}', r"line 2: spans\[0\].label: missing"),
        ('{"text": "abc", "classes": {"q": "a"}}', "line 2: classes"),
    ],
)
def test_a_bad_line_is_named(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(line("1", "fine")) + "\n" + text, encoding="utf-8")

    with pytest.raises(DataError, match=why):
        train(path, tmp_path / "model")


SCHEMA = {
    "spans": ["place", "person", "date"],
    "questions": {
        "topic": {"multiple": False, "choices": ["money", "travel", "weather"]},
        "tone": {"multiple": False, "choices": ["kind", "angry"]},
    },
}


@pytest.fixture(scope="module")
def particular(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a training tells whose schema asks for more than there is, with odd spans and a line held out."""
    folder = tmp_path_factory.mktemp("particular")
    lines = [
        *({**one, "classes": {**one["classes"], "tone": ["kind"]}} for one in letters(40)),
        line("inside a word", "unhappy Anna", spans=[span(2, 7, "person")]),
        line("ends with a space", "Hello Anna .", spans=[span(6, 11, "person")]),
        line("nested", "Anna Berg left", spans=[span(0, 9, "person"), span(5, 9, "place")]),
        line("held out", "Zork qux", spans=[span(0, 4, "person")], split="check"),
    ]
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return train(data, folder / "model", schema=SCHEMA)


def test_a_schema_decides_what_is_asked(particular: dict[str, Any], write: Write, tmp_path: Path) -> None:
    known = load(particular["export"]).schema

    assert known.spans == ("place", "person")
    assert known.questions == (Question("topic", multiple=False, choices=("money", "travel")),)
    with pytest.raises(SchemaError, match="letter-0: label 'person' is not in the schema"):
        train(write(letters(10)), tmp_path / "other", schema=SCHEMA | {"spans": ["place"]})


def test_what_cannot_be_learnt_is_named_and_not_answered(particular: dict[str, Any]) -> None:
    assert particular["metrics"]["not_learnt"] == {"date": "no example", "tone": "only one choice seen: kind"}
    assert load(particular["export"])(["Hello"])[0]["choices"].keys() == {"topic"}


def test_marked_lines_are_measured_on_and_never_trained_on(particular: dict[str, Any]) -> None:
    assert (particular["examples"], particular["held_out"]) == (43, 1)
    assert particular["metrics"]["spans"]["tp"] + particular["metrics"]["spans"]["fn"] == 1


def test_spans_that_tags_cannot_say_are_counted(particular: dict[str, Any]) -> None:
    assert particular["metrics"]["spans_left_out"] == {"off_edges": 1, "overlapping": 1, "across": 0, "relations": 0}


def test_incomplete_lines_teach_choices_but_no_absence_of_spans(write: Write, tmp_path: Path) -> None:
    whole = letters(20)
    bare = [{**one, "id": f"b{i}", "spans": [], "complete": False} for i, one in enumerate(letters(200, seed=5))]

    found = train(write([*whole, *bare]), tmp_path / "model")
    measured = evaluate(found["export"], letters(40, seed=9))

    assert measured["spans"]["recall"] > 0.7
    assert measured["questions"]["topic"]["accuracy"] > 0.9


def test_labels_inside_words_make_characters_tokens(write: Write, tmp_path: Path) -> None:
    words = ["abx", "cdx", "efx", "ghx"] * 3
    lines = [line(str(i), f"code {word}-ware", spans=[span(5, 7, "prefix")]) for i, word in enumerate(words)]

    found = train(write(lines), tmp_path / "model")

    assert found["metrics"]["spans_left_out"]["off_edges"] == 0
    [answer] = load(found["export"])(["code cdx-ware"])
    assert [(s["start"], s["end"]) for s in answer["spans"]] == [(5, 7)]


def test_spans_across_line_breaks_are_learnt(write: Write, tmp_path: Path) -> None:
    streets = ["Kirkegata", "Storgata", "Torget"] * 4
    lines = [
        line(str(i), f"to:\n{street}\nOslo\nbye", spans=[span(4, 9 + len(street), "address")])
        for i, street in enumerate(streets)
    ]

    found = train(write(lines), tmp_path / "model")

    [answer] = load(found["export"])(["to:\nStorgata\nOslo\nbye"])
    assert [(s["start"], s["end"]) for s in answer["spans"]] == [(4, 17)]


class Killed(BaseException):
    """Stands for the process being killed."""


def test_a_training_killed_twice_ends_as_one_that_was_not(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, texts = trained.found, [one["text"] for one in letters(10, seed=4)]
    monkeypatch.setattr("trainer.ml.traced.SAVE_SECONDS", 0.0)

    seen: list[int] = []
    for at in (5, 35):

        def kill(progress: dict[str, Any], at: int = at) -> None:
            seen.append(progress.get("step", 0))
            if seen[-1] == at:
                raise Killed

        with pytest.raises(Killed):
            train(trained.data, tmp_path / "model", on_progress=kill)
    again = train(trained.data, tmp_path / "model", on_progress=lambda told: seen.append(told.get("step", 0)))

    assert [step for step in seen if step] == [*range(1, whole["steps"] + 1)]
    assert len(list((tmp_path / "model/export").iterdir())) == 1
    assert again["metrics"]["spans"] == whole["metrics"]["spans"]
    # The same but for the order in which threads add up: what is sharded among them is not exact to the last bit.
    one, other = (exporting.scores_of(load(found["export"])(texts)) for found in (again, whole))
    assert one.keys() == other.keys()
    assert one == pytest.approx(other, abs=5e-3)


@pytest.mark.usefixtures("in_few_steps")
def test_what_another_version_began_is_begun_afresh(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.ml.traced.SAVE_SECONDS", 0.0)

    def kill(progress: dict[str, Any]) -> None:
        if progress.get("step", 0) == 2:
            raise Killed

    with pytest.raises(Killed):
        train(trained.data, tmp_path / "model", on_progress=kill)
    [before] = (tmp_path / "model/work").iterdir()
    monkeypatch.setattr("trainer.ml.training.sources", lambda: "of another version")
    seen: list[int] = []

    found = train(trained.data, tmp_path / "model", on_progress=lambda told: seen.append(told.get("step", 0)))

    assert [step for step in seen if step] == [*range(1, found["steps"] + 1)]
    assert not before.exists()


def test_none_of_several_is_an_answer_where_the_document_is_complete():
    question = Question("tone", multiple=True, choices=("angry", "urgent"))

    assert Example("a", "x").answer_to(question) == ()
    assert Example("a", "x", classes={"tone": ()}, complete=False).answer_to(question) == ()
    assert Example("a", "x", complete=False).answer_to(question) is None
    assert Example("a", "x").answer_to(Question("topic", multiple=False, choices=("b",))) is None


def test_weights_are_rounded_so_little_that_no_score_shows_it(trained: Trained) -> None:
    predictor, texts = load(trained.export), [one["text"] for one in letters(20, seed=5)]
    weights = [weight for weight in predictor._graph.variables.values() if weight.trainable and weight.shape.rank == 2]
    before = exporting.scores_of(predictor(texts))
    chance = np.random.default_rng(0)

    for weight in weights:
        np.testing.assert_array_equal(weight / FINEST % 1, 0)
        weight.assign_add(chance.uniform(-FINEST / 2, FINEST / 2, tf.shape(weight)))

    assert exporting.scores_of(predictor(texts)) == pytest.approx(before, abs=1e-3)


def test_suggestions_are_what_reaches_the_thresholds(trained: Trained) -> None:
    found = trained.found
    predictor, texts = load(trained.export), [one["text"] for one in letters(20, seed=5)]
    known = predictor.description["thresholds"]
    assert known == found["metrics"]["thresholds"]
    assert known["spans"]["person"]["threshold"] is not None

    known["spans"]["person"] = {"threshold": None, "evidence": 3, "reason": "not enough evidence yet"}
    known["spans"]["place"]["threshold"] = 1.1
    shown = predictor.suggest(texts)

    least = {"person": known["without_evidence"], "place": 1.1}
    assert least["person"] > known["precision"]
    for answer, suggested in zip(predictor(texts), shown, strict=True):
        assert suggested["spans"] == [span for span in answer["spans"] if span["score"] >= least[span["label"]]]


def test_of_a_single_choice_only_the_best_is_suggested(trained: Trained) -> None:
    predictor = load(trained.export)
    predictor.description["thresholds"]["questions"]["topic"] = {"threshold": 0.0, "evidence": 60, "reason": None}

    [answer], [shown] = predictor(["We met Otto ."]), predictor.suggest(["We met Otto ."])

    assert len(answer["choices"]["topic"]) == 2
    assert shown["choices"]["topic"] == answer["choices"]["topic"][:1]


@pytest.mark.usefixtures("in_few_steps")
def test_choices_are_measured_out_of_fold_by_calibrated_scores(write: Write, tmp_path: Path) -> None:
    """After a few steps all scores are about a half: by them as they are much would be chosen that is not."""
    topics = [one["classes"]["topic"] for one in letters(80)]
    several = [*topics[:40], *([] for _ in topics[40:])]
    lines = [
        {**one, "text": one["text"] if chosen else "All is well here .", "spans": [], "classes": {"about": chosen}}
        for one, chosen in zip(letters(80), several, strict=True)
    ]
    lines[0]["classes"] = {"about": ["money", "travel"]}

    found = train(write(lines), tmp_path / "model")

    told, exported = (
        of["questions"]["about"]["accuracy"] for of in (found["metrics"], evaluate(found["export"], lines))
    )
    assert told == pytest.approx(exported, abs=0.2)


def test_an_answer_out_of_fold_owes_nothing_to_the_labels_of_its_document(tmp_path: Path) -> None:
    given = letters(20)
    other = json.loads(json.dumps(given))
    for span in other[3]["spans"]:
        span["label"] = "place" if span["label"] == "person" else "person"
    other[3]["classes"] = {"topic": ["money" if given[3]["classes"]["topic"] == ["travel"] else "travel"]}

    def answers(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        round_ = Round.of([parse(one) for one in lines], None)
        batch = batch_of(round_.seen, round_.schema, round_.tokenizer)
        work = tmp_path / str(len(list(tmp_path.iterdir())))
        work.mkdir()
        found = Fit(work, round_, batch, lambda _: None).run()
        return [found[row] for row in range(len(lines))]

    one, two = answers(given), answers(other)

    def told(answer: dict[str, Any]) -> list[Any]:
        return [(span["start"], span["end"], span["label"]) for span in answer["spans"]]

    assert told(one[3]) == told(two[3])
    assert one[3]["shares"]["topic"] == pytest.approx(two[3]["shares"]["topic"], abs=1e-3)
    # Those of the other fold have learnt from it.
    assert any(
        a["shares"]["topic"] != pytest.approx(b["shares"]["topic"], abs=1e-2) for a, b in zip(one, two, strict=True)
    )
