"""Bad and extreme input: a model where there is something to learn, otherwise a line that says what is wrong."""

import io
import json
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.ml.conftest import letters, line
from trainer.ml import crf
from trainer.ml.__main__ import main
from trainer.ml.crossfit import Steps
from trainer.ml.evaluation import evaluate
from trainer.ml.examples import DataError, read
from trainer.ml.predictor import UnknownFormat, load
from trainer.ml.schema import NothingToLearn
from trainer.ml.training import train

Write = Callable[..., Path]
Found = dict[str, Any]

ASKED = {
    "spans": ["date", "person", "place"],
    "questions": {
        "mood": {"multiple": False, "choices": ["glad", "sad"]},
        "topic": {"multiple": False, "choices": ["money", "travel", "weather"]},
    },
    "relations": ["knows"],
}


@contextmanager
def hardly_any_room(folder: Path) -> Iterator[None]:
    """There is room for 300 kB in the folder: a small file system or, without the right to mount one, a limit."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], capture_output=True, check=False
    )
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        if mounted.returncode:
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        if not mounted.returncode:
            subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="module", autouse=True)
def folds() -> None:
    """As many as the product has: extreme input meets them all."""


@pytest.fixture(scope="module", autouse=True)
def few_steps() -> Iterator[None]:
    """So many as tell whether anything breaks; how good models get is measured elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainer.ml.crossfit._steps", lambda *_: Steps(25, 12, 12))
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Found, OSError, list[Path]]:
    """A training whose export found no room, what it said and left, and what a second call then made of it."""
    folder = tmp_path_factory.mktemp("letters")
    data, model = folder / "data.jsonl", folder / "model"
    strange = line("strange", "Come on 1 May", spans=[{"start": 8, "end": 13, "label": "date"}], split="check")
    strange["classes"] = {"topic": ["weather"]}
    data.write_text("".join(json.dumps(one) + "\n" for one in [*letters(40), strange]), encoding="utf-8")
    with hardly_any_room(model / "export"):
        with pytest.raises(OSError, match="cannot be written to") as refused:
            train(data, model, schema=ASKED)
        left = [path for path in (model / "export").rglob("*") if path.is_file()]
    return train(data, model, schema=ASKED), refused.value, left


def test_an_export_without_room_leaves_nothing_and_a_second_call_succeeds(
    trained: tuple[Found, OSError, list[Path]],
) -> None:
    found, refused, left = trained

    assert left == []
    assert str(Path(found["export"]).parent) in str(refused)
    assert list(Path(found["export"]).parent.iterdir()) == [Path(found["export"])]
    assert load(found["export"])(["We met Otto in Rome again ."])[0]["spans"]


def test_what_has_no_example_is_named_and_never_answered(trained: tuple[Found, OSError, list[Path]]) -> None:
    found, _, _ = trained

    assert found["metrics"]["not_learnt"] == {
        "date": "no example", "mood": "no example", "knows": "no example",
    }  # fmt: skip
    known = load(found["export"]).schema
    assert (known.spans, known.relations) == (("person", "place"), ())
    assert [(question.name, question.choices) for question in known.questions] == [("topic", ("money", "travel"))]


def test_what_only_the_documents_to_measure_on_have_counts_as_missed(
    trained: tuple[Found, OSError, list[Path]],
) -> None:
    found, _, _ = trained

    spans = found["metrics"]["spans"]
    assert (spans["labels"]["date"]["tp"], spans["labels"]["date"]["fn"]) == (0, 1)
    assert found["metrics"]["questions"]["topic"]["accuracy"] == 0.0

    strange = line("1", "Otto", spans=[{"start": 0, "end": 4, "label": "ship"}], classes={"tone": ["harsh"]})
    measured = evaluate(found["export"], [strange, line("2", "")])
    assert measured["spans"]["labels"]["ship"]["fn"] == 1
    assert measured["questions"]["tone"]["accuracy"] == 0.0


def test_a_line_of_200000_characters_is_answered(trained: tuple[Found, OSError, list[Path]]) -> None:
    text = "Please wait . " * 14_300 + "We met Anna Berg in New York again ."

    [answer] = load(trained[0]["export"])([text])

    assert len(text) > 200_000
    assert [text[span["start"] : span["end"]] for span in answer["spans"]][-2:] == ["Anna Berg", "New York"]


def test_a_line_of_200000_characters_does_not_keep_the_others_from_teaching(write: Write, tmp_path: Path) -> None:
    long = line("long", "It is a long story , as nobody knows . " * 5_200)
    assert len(long["text"]) > 200_000

    found = train(write([*letters(30), long]), tmp_path / "model")

    [answer, nothing] = load(found["export"])(["We met Anna Berg in Rome again .", long["text"]])
    assert [span["start"] for span in answer["spans"]] == [7, 20]
    assert nothing["spans"] == []


def test_two_hundred_labels(write: Write, tmp_path: Path) -> None:
    lines = []
    for number in range(400):
        text = f"it is {number % 200} , {chr(65 + number % 26)}om said"
        place = {"start": text.index(",") + 2, "end": text.index(" said"), "label": f"kind{number % 200}"}
        lines.append(line(str(number), text, spans=[place]))

    found = train(write(lines), tmp_path / "model")

    assert len(load(found["export"]).schema.spans) == 200
    assert evaluate(found["export"], lines[:200])["spans"]["f1"] > 0.5


def test_of_two_hundred_labels_the_best_tags_are_found_among_few(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    where = crf.layout(tf.constant([30, 12, 1]))
    moves = crf.bio_scores(200)[0] + tf.constant(chance.normal(size=(401, 401)), tf.float32)
    emissions = tf.constant(chance.normal(size=(43, 401), scale=2), tf.float32)

    found = crf.best_tags(emissions, moves, where)

    monkeypatch.setattr(crf, "_MANY_TAGS", 401)
    assert found.numpy().tolist() == crf.best_tags(emissions, moves, where).numpy().tolist()


def test_relations_of_which_no_pair_is_near_enough(write: Write, tmp_path: Path) -> None:
    text = "Otto" + " and" * 60 + " Anna ."
    spans = [{"start": at, "end": at + 4, "label": "P"} for at in (0, text.index("Anna"))]
    related = [{"head": 0, "tail": 1, "label": "knows"}]
    lines = [line(str(i), text, spans=spans, relations=related) for i in range(3)]

    found = train(write(lines), tmp_path / "model")

    assert found["metrics"]["spans_left_out"]["relations"] == 3
    [answer] = load(found["export"])([lines[0]["text"]])
    assert answer["relations"] == []


def test_texts_without_a_character_teach_how_often_a_choice_is_made(write: Write, tmp_path: Path) -> None:
    lines = [line(str(i), "", classes={"q": ["often" if i % 4 else "seldom"]}) for i in range(8)]

    found = train(write(lines), tmp_path / "model")

    [answer] = load(found["export"])([""])
    assert [choice["label"] for choice in answer["choices"]["q"]] == ["often", "seldom"]


def test_a_question_that_nobody_answered_is_nothing_to_learn(write: Write, tmp_path: Path) -> None:
    lines = [line(str(i), "Hello", classes={"q": []}) for i in range(3)]

    with pytest.raises(NothingToLearn, match="q: no example"):
        train(write(lines), tmp_path / "model")


def whole() -> bytes:
    lines = [*letters(2), line("3", "Zoë flew to Oslo .")]
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (whole()[:-30], "line 3: not JSON"),
        (whole()[: whole().index("ë".encode()) + 1], "line 3: not UTF-8"),
        (whole().decode().encode("utf-16"), "line 1: not UTF-8"),
        (whole() + b"[" * 100_000, "line 4: not JSON that can be read"),
        (b"\0" * 100, "line 1: not JSON"),
        (b'{"text": "a", "spans": 5}', "line 1: spans: must be a list"),
        (b'{"text": "a", "spans": {"0": {}}}', "line 1: spans: must be a list"),
        (b'{"text": "ab", "spans": [{"start": 0, "end": 1, "label": "\\ud800"}]}', r"line 1: spans\[0\].label"),
        (b'{"text": "ab", "classes": {"q": ["\\ud800"]}}', "line 1: classes"),
        (
            b'{"text": "ab", "relations": [{"head": 0, "tail": 1, "label": "r"}]}',
            r"line 1: relations\[0\].head: 0 is not",
        ),
    ],
)
def test_a_snapshot_that_is_cut_or_damaged_names_its_line(data: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(data)

    with pytest.raises(DataError, match=why):
        read(path)


def spoil_cut(export: Path) -> None:
    model = export / "saved_model.pb"
    model.write_bytes(model.read_bytes()[: model.stat().st_size // 2])


def spoil_weights(export: Path) -> None:
    for data in export.glob("variables/*.data-*"):
        os.truncate(data, data.stat().st_size // 2)


def spoil_all(export: Path) -> None:
    shutil.rmtree(export)
    export.mkdir()
    (export / "notes.txt").write_text("not a model")


@pytest.mark.parametrize("spoil", [spoil_cut, spoil_weights, spoil_all, shutil.rmtree])
def test_an_export_that_is_damaged_or_none_is_refused(
    spoil: Callable[[Path], None], trained: tuple[Found, OSError, list[Path]], tmp_path: Path
) -> None:
    export = tmp_path / "export"
    shutil.copytree(trained[0]["export"], export)
    spoil(export)

    with pytest.raises(UnknownFormat, match=f"{export} is not a model exported from here"):
        load(export)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ('{"format": 99}', "has format 99, this version reads 1: train again"),
        ('{"format": 0}', "has format 0, this version reads 1: train again"),
        ("{}", "has format None, this version reads 1: train again"),
        ("nonsense", "is not a model exported from here"),
    ],
)
def test_an_export_of_another_format_is_refused(told: str, why: str, tmp_path: Path) -> None:
    module = tf.Module()
    module.f = tf.function(lambda: {"json": tf.constant(told)}, input_signature=[])
    signatures = {"describe": module.f.get_concrete_function(), "serving_default": module.f.get_concrete_function()}
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=signatures)

    with pytest.raises(UnknownFormat, match=why):
        load(tmp_path / "m")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (b'{"text": "a"}\n{"text": "b', "predict: line 2: not JSON (Unterminated string"),
        (b'{"text": "a"}\n{"text": "\xc3"}', "predict: line 2: not UTF-8 ("),
        (b'\n{"tekst": "a"}', "predict: line 2: text: missing or not a string"),
    ],
)
def test_a_shell_is_told_in_one_line(
    given: bytes,
    why: str,
    trained: tuple[Found, OSError, list[Path]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))

    status = main(["predict", "--export", trained[0]["export"]])

    told = capsys.readouterr().err
    assert (status, told.count("\n")) == (1, 1)
    assert told.startswith(why)


def test_a_shell_is_told_of_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absent = str(tmp_path / "absent")

    for command in (["train", "--data", absent, "--model-dir", str(tmp_path)], ["predict", "--export", absent]):
        status = main(command)

        told = capsys.readouterr().err.splitlines()
        assert (status, told[-1].partition(":")[0]) == (1, command[0])
        assert absent in told[-1]
