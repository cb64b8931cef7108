"""Training as the product and the command line call it: labelled lines in, a verified export out."""

import functools
import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.ml import calibration as cal
from trainer.ml import examples as ex
from trainer.ml.batches import Batch, batch_of, tokenizer_for, without
from trainer.ml.candidates import given_spans
from trainer.ml.crossfit import Phase, phases_of
from trainer.ml.estimator import Estimator, Hook, RunConfig, Step
from trainer.ml.evaluation import evaluate_examples, score_answers
from trainer.ml.examples import Example
from trainer.ml.heads.choices import targets
from trainer.ml.metrics import bootstrap_interval
from trainer.ml.model import ModelParams, model_fn
from trainer.ml.pool import read as read_pool
from trainer.ml.predictor import Predictor, answers_of, load, relations_input, relations_of, serving_input
from trainer.ml.schema import FORMAT_VERSION, NothingToLearn, Schema
from trainer.ml.tokens import Tokenizer

Progress = Callable[[dict[str, Any]], None]
VERIFIED = 2_000  # characters of a text on which an export is compared with its model

_SAVE_SECONDS = 10.0
_COPIES, _FEW_TOKENS = 2, 8_000  # with some words hidden, of so little


def train(
    data: Path,
    model_dir: Path,
    *,
    pool: Path | None = None,
    cache: Path | None = None,
    seed: int = 0,
    schema: Mapping[str, Any] | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Train on labelled lines and export to `model_dir/export/<number>/`.

    `pool` holds unlabelled texts of the same kind, as lines with a `text`: word vectors are learnt from them,
    and kept in the file `cache` for the next training of the same project.
    Lines marked `"split": "check"` are only measured on. Where none is, what is measured are answers out of fold:
    each of a model that had not learnt from the document. A call that was killed can be repeated: it goes on from
    its last checkpoint. `on_progress` may raise to cancel. One call at a time may use a `model_dir`.
    """
    began = time.monotonic()
    tell = on_progress or (lambda _: None)
    tell({"phase": "prepare"})
    lines = ex.read(data)
    texts = read_pool(pool, seed) if pool else []
    round_ = _Round.of(lines, Schema.from_dict(schema) if schema is not None else None)
    work = _workplace(model_dir, data, round_, seed, texts)
    tell({"phase": "prepare", "examples": len(round_.seen)})
    batch = batch_of(round_.seen, round_.schema, round_.tokenizer, pool=texts, cache=cache)
    if round_.schema.spans and not batch.labels["tags"].any() and not round_.schema.questions:
        raise NothingToLearn("no labelled span lies on the edges of words, and there is no question")
    fit = _Fit(work, round_, batch, seed, tell)
    answered = fit.run()
    tell({"phase": "export"})
    known = _calibration(round_, answered)
    export, predictor = fit.export(model_dir / "export", known)
    if round_.held:
        tell({"phase": "evaluate", "documents": len(round_.held)})
    metrics = _measure(round_, predictor, answered) | known.to_dict()
    shutil.rmtree(work, ignore_errors=True)
    left_out = {key: getattr(batch.tagging, key) for key in ("off_edges", "overlapping", "across")}
    left_out["relations"] = batch.relations_left_out
    return {
        "examples": len(round_.seen),
        "held_out": len(round_.held) if round_.held else len(answered),
        "steps": sum(phase.steps for phase in fit.phases),
        "seconds": round(time.monotonic() - began, 3),
        "metrics": {**metrics, "not_learnt": round_.reasons, "spans_left_out": left_out},
        "export": str(export),
    }


@dataclass(frozen=True)
class _Round:
    """What one training is about."""

    seen: list[Example]  # trained on
    held: list[Example]  # marked as checks: measured on, never trained on
    schema: Schema
    reasons: dict[str, str]
    tokenizer: Tokenizer

    @classmethod
    def of(cls, examples: Sequence[Example], schema: Schema | None) -> "_Round":
        (schema or Schema.shown_by(examples)).check(examples)
        seen = [e for e in examples if not e.check and (e.complete or e.classes or e.spans or e.rejected)]
        asked, reasons = (schema or Schema.shown_by(examples)).learnable(seen)
        if not asked.spans and not asked.questions:
            raise NothingToLearn(_why_nothing(examples, seen, reasons))
        return cls(seen, [e for e in examples if e.check], asked, reasons, tokenizer_for(seen))


def _why_nothing(examples: Sequence[Example], useful: Sequence[Example], reasons: Mapping[str, str]) -> str:
    if not examples:
        return "nothing to learn: the data has no lines"
    if not useful:
        return "nothing to learn: no line to train on is complete, answers a question or decides on a span"
    if any(e.rejected for e in useful) and not any(e.spans for e in useful):
        return "nothing to learn: every decision is a rejection; it takes an accepted span, too"
    told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    return f"nothing to learn: no labelled span and no question with two choices ({told or 'no label at all'})"


def _workplace(model_dir: Path, data: Path, round_: _Round, seed: int, pool: Sequence[str]) -> Path:
    """The directory for this very training, so that a repeated call resumes it and another one starts afresh."""
    told = json.dumps([seed, round_.schema.to_dict(), *pool])
    mark = hashlib.sha256(data.read_bytes() + told.encode()).hexdigest()[:16]
    base = model_dir / "work"
    for other in base.glob("*"):
        if other.name != mark:
            shutil.rmtree(other, ignore_errors=True)
    for unfinished in (model_dir / "export").glob(".unfinished-*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    (base / mark).mkdir(parents=True, exist_ok=True)
    return base / mark


class _Fit:
    """The phases of one training, and the answers that the models in between give out of fold."""

    def __init__(self, work: Path, round_: _Round, batch: Batch, seed: int, tell: Progress) -> None:
        self.round, self.batch, self.seed, self.tell, self.work = round_, batch, seed, tell, work
        self.phases = phases_of(round_.seen, len(batch.labels["tags"]), len(round_.schema.spans))
        steps = tuple(phase.steps for phase in self.phases)
        boldness = _boldness(int((batch.labels["tags"] % 2 == 1).sum()))
        self.params = ModelParams(
            round_.schema,
            round_.tokenizer,
            batch.vocabulary,
            batch.vectors,
            steps,
            boldness=boldness,
            copies=_COPIES if len(batch.labels["tags"]) < _FEW_TOKENS else 0,
        )
        self.config = RunConfig(seed=seed, save_checkpoints_secs=_SAVE_SECONDS)
        self.estimator = Estimator(model_fn, work, self.params, self.config)

    def run(self) -> dict[int, dict[str, Any]]:
        """Train; returns the answers of models to documents (by row) that they had not learnt from."""
        answered: dict[int, dict[str, Any]] = {}
        reached = 0
        for number, phase in enumerate(self.phases):
            start, reached = reached, reached + phase.steps
            saved = self.work / f"answers-{number}.json"
            if not saved.exists():
                hooks = [
                    _Tell(self.tell, sum(self.params.phases)),
                    *([_FromZero(self.estimator, start)] if phase.from_zero else []),
                ]
                self.estimator.train(self._input, max_steps=reached, hooks=hooks)
                _write(saved, self._held_answers(phase))
            answered |= {int(row): answer for row, answer in json.loads(saved.read_text(encoding="utf-8")).items()}
        return answered

    def _input(self) -> tf.data.Dataset:
        parts = [
            tf.data.Dataset.from_tensors((self.batch.inputs, without(self.batch, phase.held).labels)).repeat(
                phase.steps
            )
            for phase in self.phases
        ]
        return functools.reduce(tf.data.Dataset.concatenate, parts)

    def _held_answers(self, phase: Phase) -> dict[int, dict[str, Any]]:
        rows = np.flatnonzero(phase.held)
        if not len(rows):
            return {}
        self.tell({"phase": "evaluate", "documents": len(rows)})
        outputs = self._predicted(self.batch.inputs)
        schema, seen = self.round.schema, self.round.seen
        answers = answers_of(outputs, len(seen), schema)
        shares = {question.name: outputs[f"choice_{index}"] for index, question in enumerate(schema.questions)}
        given: list[list[dict[str, Any]]] = [[] for _ in seen]
        if schema.relations:
            spans = given_spans([[(span.start, span.end, span.label) for span in example.spans] for example in seen])
            given = relations_of(self._predicted({**self.batch.inputs, **spans}), len(seen))
        return {
            int(row): {
                **answers[row],
                "shares": {name: found[row].tolist() for name, found in shares.items()},
                "given": given[row],
            }
            for row in rows
        }

    def _predicted(self, features: Mapping[str, Any]) -> dict[str, np.ndarray]:
        inputs = tf.data.Dataset.from_tensors(dict(features))
        found: dict[str, np.ndarray] = next(self.estimator.predict(lambda: inputs, yield_single_examples=False))
        return found

    def export(self, base: Path, known: cal.Calibration) -> tuple[Path, Predictor]:
        """Write the SavedModel with calibrated scores and read it again: it answers like the model in memory."""
        calibrated = Estimator(model_fn, self.work, replace(self.params, calibration=known), self.config)
        export = _export(calibrated, self.round, base, self.seed)
        return export, _verified(export, calibrated, [example.text for example in self.round.seen[:8]])


class _Tell(Hook):
    """Passes each step on to the caller."""

    def __init__(self, tell: Progress, steps: int) -> None:
        self.tell, self.steps = tell, steps

    def after_step(self, step: Step) -> None:
        self.tell({"phase": "train", "step": step.number, "steps": self.steps, "loss": step.loss})


class _FromZero(Hook):
    """Forgets all weights before one step."""

    def __init__(self, estimator: Estimator, at: int) -> None:
        self.estimator, self.at = estimator, at

    def begin(self, step: int) -> None:
        if step == self.at:
            for variable in self.estimator.trainable_variables:
                variable.assign(tf.zeros_like(variable))


def _boldness(spans: int) -> float:
    """Most for a hundred labelled spans or fewer, none from three thousand on."""
    return min(2.0, max(0.0, 2.0 * (1.0 - math.log(max(spans, 1) / 100) / math.log(30))))


def _write(path: Path, value: Any) -> None:
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps(value), encoding="utf-8")
    aside.rename(path)


def _measure(round_: _Round, predictor: Predictor, answered: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    """Scores on the documents that are held out or, where none is, on the answers out of fold."""
    if round_.held:
        found = evaluate_examples(predictor, round_.held)
    elif answered:
        examples, answers = [round_.seen[row] for row in answered], list(answered.values())
        given = [answer["given"] for answer in answers] if round_.schema.relations else None
        found = score_answers(examples, answers, round_.schema, given)
    else:
        return {"spans": None, "questions": {}}
    interval = bootstrap_interval(found.pop("documents"))
    return {**found, "interval": interval}


def _calibration(round_: _Round, answered: Mapping[int, dict[str, Any]]) -> cal.Calibration:
    """What the answers out of fold say of scores like theirs."""
    if not answered:
        return cal.Calibration()
    examples, answers = [round_.seen[row] for row in answered], list(answered.values())
    labels = round_.schema.spans
    spans = None
    if labels:
        spans = cal.by_label(cal.judged(examples, [answer["spans"] for answer in answers], labels), labels)
    questions = {}
    for question in round_.schema.questions:
        target, given = targets(examples, question)
        asked = np.flatnonzero(given[:-1])
        shares = np.array([answers[row]["shares"][question.name] for row in asked])
        fit = cal.several_choices if question.multiple else cal.single_choice
        if len(asked):
            questions[question.name] = fit(shares, target[asked])
    related = round_.schema.relations
    relations, among_given = _related(related, examples, answers)
    return cal.Calibration(spans, questions, relations, labels, related, given=among_given)


def _related(
    labels: Sequence[str], examples: Sequence[Example], answers: Sequence[Mapping[str, Any]]
) -> tuple[cal.Part | None, cal.Part | None]:
    """Of relations between spans that were found, and between spans that were given."""
    if not labels:
        return None, None
    found = [(answer["spans"], answer["relations"]) for answer in answers]
    given = [
        ([vars(span) for span in example.spans], answer["given"])
        for example, answer in zip(examples, answers, strict=True)
    ]
    one, other = (cal.by_label(cal.judged_relations(examples, of, labels), labels) for of in (found, given))
    return one, other


def _export(estimator: Estimator, round_: _Round, base: Path, seed: int) -> Path:
    description = {
        "format": FORMAT_VERSION,
        "schema": round_.schema.to_dict(),
        "tokenizer": round_.tokenizer._asdict(),
        "examples": len(round_.seen),
        "seed": seed,
        "tensorflow": tf.__version__,
        **estimator.params.calibration.to_dict(),
    }
    told = json.dumps(description, ensure_ascii=False)
    describe = tf.function(lambda: {"json": tf.constant(told)}).get_concrete_function()
    more = {"relations": relations_input()} if round_.schema.relations else {}
    return estimator.export_saved_model(base, serving_input, signatures={"describe": describe, **more})


def _verified(export: Path, estimator: Estimator, texts: Sequence[str]) -> Predictor:
    """The export, loaded; it says what the model in memory says, otherwise it is taken back.

    On the beginnings of the texts, and with a tolerance: sums over long ones depend on the order they are added in.
    """
    texts = [text[:VERIFIED] for text in texts]
    predictor = load(export)
    pairs = zip(predictor(texts), _answers(estimator, texts), strict=True)
    if not all(_agree(served["spans"], trained["spans"]) for served, trained in pairs):
        shutil.rmtree(export)
        raise RuntimeError("the export does not answer like the model that was trained")
    return predictor


def _answers(estimator: Estimator, texts: Sequence[str]) -> list[dict[str, Any]]:
    schema = estimator.params.schema
    given = [ex.encodable(text) for text in texts]
    batches = estimator.predict(
        lambda: tf.data.Dataset.from_tensor_slices({"text": given}).batch(64), yield_single_examples=False
    )
    return [answer for outputs in batches for answer in answers_of(outputs, len(outputs["uncertainty"]), schema)]


def _agree(served: Sequence[Mapping[str, Any]], trained: Sequence[Mapping[str, Any]]) -> bool:
    places, scores = zip(*(_places_and_scores(spans) for spans in (served, trained)), strict=True)
    return bool(places[0] == places[1] and np.allclose(scores[0], scores[1], atol=1e-3))


def _places_and_scores(spans: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[int, int, str]], list[float]]:
    return [(span["start"], span["end"], span["label"]) for span in spans], [span["score"] for span in spans]
