"""An operator's own encoder: its states line up with tokens, teach what words do not, and are computed once."""

import json
import random
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from tests.ml import encoders
from tests.ml.conftest import line
from tests.ml.test_exporting import TEXTS, learnt, scaled
from trainer.ml import state_cache
from trainer.ml.__main__ import main
from trainer.ml.batches import batch_of
from trainer.ml.calibration import Calibration
from trainer.ml.encoder import Encoder
from trainer.ml.encoder_folder import BadEncoder, WrongEncoder
from trainer.ml.evaluation import evaluate, score_answers
from trainer.ml.examples import parse
from trainer.ml.exporting import scores_of
from trainer.ml.fitting import Fit
from trainer.ml.predictor import Graphs, Predictor, answers_of, load
from trainer.ml.round import Round
from trainer.ml.serving import Serving
from trainer.ml.states import Encoding, pooled
from trainer.ml.tokens import Tokenizer, tokenize
from trainer.ml.training import train

LINES = 30  # that are learnt from
# More than they show.
ASKED = {
    "spans": ["rare", "even", "odd"],
    "questions": {"topic": {"multiple": False, "choices": ["odd", "rare", "other"]}},
}

Rows = list[dict[str, Any]]


def odd(word: str) -> bool:
    return sum(map(ord, word)) % 2 == 1


def meetings(count: int, seed: int) -> Rows:
    """Somebody meets somebody, under names that are never the same. Only the sum of its characters tells which kind."""
    chance = random.Random(seed)
    lines = []
    for number in range(count):
        names = ["".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in "123") for _ in "12"]
        text = "Then {} came and met {} again .".format(*names)
        spans = []
        for name in names:
            start = text.index(name, spans[-1]["end"] if spans else 0)
            spans.append({"start": start, "end": start + len(name), "label": "odd" if odd(name) else "even"})
        topic = "odd" if all(map(odd, names)) else "other"
        lines.append(line(f"{seed}-{number}", text, spans=spans, classes={"topic": [topic]}))
    return lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encoders.save(tmp_path_factory.mktemp("encoders") / "runs")


class Taught(NamedTuple):
    """A training with an encoder."""

    export: Path
    cache: Path
    encoding: Encoding
    out_of_fold: float


def to_file(path: Path, lines: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def taught(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Taught:
    base = tmp_path_factory.mktemp("taught")
    encoding = Encoding(folder, base / "states.sqlite")
    data = to_file(base / "data.jsonl", meetings(LINES, 1))
    found = train(data, base / "model", encoding=encoding, schema=ASKED)
    return Taught(Path(found["export"]), base / "states.sqlite", encoding, found["metrics"]["spans"]["f1"])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that an encoder is asked about, from now on."""
    texts: list[str] = []
    encode = Encoder.encode
    monkeypatch.setattr(Encoder, "encode", lambda self, given: texts.extend(given) or encode(self, given))
    return texts


def test_what_words_do_not_tell_is_learnt_from_the_encoder(taught: Taught, tmp_path: Path) -> None:
    round_ = Round.of([parse(one | {"classes": {}}) for one in meetings(LINES, 1)], None)
    batch = batch_of(round_.seen, round_.schema, round_.tokenizer)
    without = Fit(tmp_path, round_, batch, lambda _: None).run()

    untold = score_answers([round_.seen[row] for row in without], list(without.values()), round_.schema)
    told = evaluate(taught.export, meetings(40, 2), encoding=taught.encoding)

    assert taught.out_of_fold > 0.95
    assert untold["spans"]["f1"] < 0.75
    assert told["spans"]["f1"] > 0.95
    assert told["questions"]["topic"]["accuracy"] > 0.8


def test_an_export_answers_the_same_with_what_is_kept_and_without(taught: Taught, folder: Path) -> None:
    texts = [one["text"] for one in meetings(5, 1)]

    one, other = (load(taught.export, encoding=encoding) for encoding in (taught.encoding, Encoding(folder)))

    assert one(texts) == other(texts)
    assert one.description["encoder"] == {
        "fingerprint": Encoder(folder).fingerprint, "width": encoders.WIDTH, "dimensions": encoders.WIDTH,
    }  # fmt: skip


def said(predictor: Predictor, texts: Sequence[str]) -> dict[tuple, float]:
    return scores_of(predictor(texts))


def test_an_export_by_exchange_answers_like_its_model_on_the_graph_of_another(folder: Path, tmp_path: Path) -> None:
    encoding = Encoding(folder, tmp_path / "states.sqlite")
    first = learnt(18, "abcdefghijk", Calibration(), encoding=encoding)
    second = learnt(24, "klmnopqrs", Calibration(scaled(2)), encoding=encoding)
    former = first.export(tmp_path / "former", encoding=encoding)
    spans = [[{"start": 0, "end": 9, "label": "person"}, {"start": 18, "end": 22, "label": "place"}]]

    exchanged = second.export(tmp_path / "exchanged", encoding=encoding, previous=former)

    graphs = Graphs()
    one, other = load(former, graphs, encoding), load(exchanged, graphs, encoding)
    serving = Serving(second.params, second.weights)
    told = serving.answers(tf.constant(TEXTS), encoding.pieces(TEXTS, second.params.basis))
    expected = scores_of(answers_of({name: value.numpy() for name, value in told.items()}, 3, other.schema))
    assert one._graph is other._graph
    assert said(other, TEXTS) == pytest.approx(expected, abs=1e-4) != pytest.approx(said(one, TEXTS), abs=1e-2)
    assert one.relations(TEXTS[:1], spans) != other.relations(TEXTS[:1], spans)


@pytest.mark.parametrize("by_character", [False, True])
def test_states_line_up_with_tokens_in_any_script(folder: Path, by_character: bool) -> None:
    texts = [
        "Cafe\u0301 de\u0301ja\u0300-vu, nai\u0308ve",
        "我们去北京 看长城。",
        "ok 👩🏽‍🚀 𝒳yz e",
        "",
        "  \n ",
        "word " * 300 + "👍 end",
    ]
    encoding = Encoding(folder)
    basis = encoding.basis(texts)
    tokens = tokenize(tf.constant(texts), Tokenizer(by_character=by_character))

    states = pooled(tokens, encoding.pieces(texts, basis)).numpy()

    places = [column.numpy().tolist() for column in (tokens.document, tokens.start, tokens.end)]
    rows = list(zip(*places, strict=True))
    assert {"é", "北", "👍"} <= {texts[row][start:end].replace("e\u0301", "é") for row, start, end in rows[:-1]} | {"é"}
    for (row, start, end), state in zip(rows[:-1], states[:-1], strict=True):
        assert state == pytest.approx(basis.reduced(raw(run_around(texts[row], start, end))), abs=2e-3)
    assert not states[-1].any()  # nobody's: the sentinel


def run_around(text: str, start: int, end: int) -> str:
    """The characters without a space in which a token stands."""
    while start and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    return text[start:end]


def raw(run: str) -> np.ndarray:
    """What the encoder says of it, worked out by hand."""
    one = float(odd(run))
    return np.array([one, 1 - one, len(run) / 5, min(map(ord, run)) % 7 / 7, one * 0.5, len(run) * 0.1], np.float32)


def test_a_text_is_encoded_once_a_project_and_no_other_project_is_looked_at(
    taught: Taught, folder: Path, tmp_path: Path, asked: list[str]
) -> None:
    texts = [one["text"] for one in meetings(LINES, 1)]
    basis = taught.encoding.basis(texts)
    own = Encoding(folder, taught.cache)

    kept = own.pieces(texts, own.basis(texts))
    again = asked.copy()
    other = Encoding(folder, tmp_path / "states.sqlite").pieces(texts[:3], basis)

    assert again == []
    assert asked == texts[:3]
    assert other.state.tobytes() == kept.state[: len(other.state)].tobytes()
    assert not any(text.encode() in taught.cache.read_bytes() for text in texts)


def test_a_cache_that_is_broken_or_full_costs_time_and_nothing_else(
    folder: Path, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, texts = tmp_path / "states.sqlite", [one["text"] for one in meetings(30, 4)]
    encoding = Encoding(folder, cache)
    basis = encoding.basis(texts)
    whole = encoding.pieces(texts, basis)
    cache.write_bytes(b"nothing that SQLite knows" * 300)
    asked.clear()

    mended = encoding.pieces(texts, basis)
    monkeypatch.setattr(state_cache, "MOST_BYTES", 36_000)
    encoding.pieces([one["text"] for one in meetings(30, 5)], basis)

    assert asked[:30] == texts
    assert mended.state.tobytes() == whole.state.tobytes()
    with sqlite3.connect(cache) as file:
        assert 0 < file.execute("SELECT count(*) FROM states").fetchone()[0] < 60
    cache.unlink()
    cache.mkdir()
    assert encoding.pieces(texts, basis).state.tobytes() == whole.state.tobytes()


def without_ends(text: tf.Tensor) -> dict[str, tf.Tensor]:
    return {name: value for name, value in encoders.runs(text).items() if name != "end"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"signature": "encode"}, "has no signature serving_default; it has: encode"),
        ({"specs": [tf.TensorSpec([None], tf.string, name="words")]}, "must take text: string [n], and takes words:"),
        ({"answer": without_ends}, "serving_default does not answer with end"),
        ({"answer": lambda text: encoders.runs(text) | {"start": tf.zeros([1])}}, "must be integers [p]"),
    ],
)
def test_an_encoder_without_the_signature_is_told_what_it_lacks(
    options: dict[str, Any], told: str, tmp_path: Path
) -> None:
    made = encoders.save(tmp_path / "encoder", **options)

    with pytest.raises(BadEncoder) as refused:
        Encoder(made)

    assert told in str(refused.value)


def test_an_answer_that_breaks_the_contract_is_told_in_plain_words(tmp_path: Path) -> None:
    def faulty(text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Wrong in its document, its end or its vector where the first text is that word."""
        found = encoders.runs(text)
        for name in ("document", "end", "vector"):
            wrong = tf.cast(text[0] == name, found[name].dtype)
            found[name] += wrong * 900 if name != "vector" else tf.math.log(1.0 - wrong)
        return found

    encoder = Encoder(encoders.save(tmp_path / "encoder", faulty))

    faults = {"document": "a text that is none of the 1", "end": "outside its text of 3", "vector": "not finite"}
    for word, told in faults.items():
        with pytest.raises(BadEncoder, match=told):
            encoder.encode([word])


def test_a_folder_that_is_no_encoder_is_told_in_plain_words(folder: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / "saved_model.pb").write_bytes(b"?")

    wrong = {tmp_path / "gone": "is not a folder", tmp_path: "has no saved_model.pb", broken: "cannot be loaded as"}
    for path, told in wrong.items():
        with pytest.raises(BadEncoder, match=told):
            Encoder(path)


def test_a_model_answers_with_its_own_encoder_alone(
    taught: Taught, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    (other / "read.me").write_text("another edition")
    data = to_file(tmp_path / "data.jsonl", meetings(5, 3))
    command = ["evaluate", "--export", str(taught.export), "--data", str(data)]

    with pytest.raises(WrongEncoder, match="with an encoder, and none is configured: train again"):
        load(taught.export)
    with pytest.raises(WrongEncoder, match="with another encoder"):
        load(taught.export, encoding=Encoding(other))
    assert main(command) == 1
    assert "none is configured" in capsys.readouterr().err
    assert main([*command, "--encoder", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["spans"]["f1"] > 0.9
    assert main(["encoder", str(folder), "--text", "Ada met 北京"]) == 0
    assert json.loads(capsys.readouterr().out)["pieces"] == ["Ada", "met", "北京"]
