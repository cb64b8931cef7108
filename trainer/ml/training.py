"""Training as the product and the command line call it: labelled lines in, a verified export out."""

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

from trainer.ml import examples as ex
from trainer.ml.batches import Batch, batch_of, tokenizer_for, without
from trainer.ml.estimator import Estimator, Hook, RunConfig, Step
from trainer.ml.evaluation import score_answers
from trainer.ml.examples import Example
from trainer.ml.metrics import bootstrap_interval
from trainer.ml.model import ModelParams, model_fn
from trainer.ml.predictor import answers_of, load, serving_input
from trainer.ml.schema import FORMAT_VERSION, NothingToLearn, Schema
from trainer.ml.tokens import Tokenizer

Progress = Callable[[dict[str, Any]], None]
VERIFIED = 2_000  # characters of a text on which an export is compared with its model

_STEPS, _REFIT_STEPS = 70, 30
_SAVE_SECONDS = 10.0


def train(
    data: Path,
    model_dir: Path,
    *,
    seed: int = 0,
    schema: Mapping[str, Any] | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Train on labelled lines and export to `model_dir/export/<number>/`.

    Lines marked `"split": "check"` are only measured on. Where none is, a tenth is held out, measured on, and then
    trained on too, for a model that has seen everything. A call that was killed can be repeated: it goes on from
    its last checkpoint. `on_progress` may raise to cancel. One call at a time may use a `model_dir`.
    """
    began = time.monotonic()
    tell = on_progress or (lambda _: None)
    tell({"phase": "prepare"})
    lines = ex.read(data)
    round_ = _Round.of(lines, Schema.from_dict(schema) if schema is not None else None)
    work = _workplace(model_dir, data, round_, seed)
    tell({"phase": "prepare", "examples": len(round_.seen)})
    batch = batch_of(round_.seen, round_.schema, round_.tokenizer)
    if round_.schema.spans and not batch.labels["tags"].any() and not round_.schema.questions:
        raise NothingToLearn("no labelled span lies on the edges of words, and there is no question")
    boldness = _boldness(int((batch.labels["tags"] % 2 == 1).sum()))
    params = ModelParams(
        round_.schema, round_.tokenizer, batch.vocabulary, batch.vectors, round_.phases, boldness=boldness
    )
    config = RunConfig(seed=seed, save_checkpoints_secs=_SAVE_SECONDS)
    estimator = Estimator(model_fn, work, params, config)
    metrics = _run(estimator, batch, round_, tell)
    tell({"phase": "export"})
    export = _export(estimator, round_, model_dir / "export", seed)
    _verify(export, estimator, [example.text for example in round_.seen[:8]])
    shutil.rmtree(work, ignore_errors=True)
    left_out = {key: getattr(batch.tagging, key) for key in ("off_edges", "overlapping", "across")}
    return {
        "examples": len(round_.seen),
        "held_out": len(round_.held),
        "steps": sum(round_.phases),
        "seconds": round(time.monotonic() - began, 3),
        "metrics": {**metrics, "not_learnt": round_.reasons, "spans_left_out": left_out},
        "export": str(export),
    }


@dataclass(frozen=True)
class _Round:
    """What one training is about."""

    seen: list[Example]  # trained on in the end
    held: list[Example]  # measured on
    kept: np.ndarray  # rows of `seen` that the measured model may train on
    schema: Schema
    reasons: dict[str, str]
    tokenizer: Tokenizer

    @classmethod
    def of(cls, examples: Sequence[Example], schema: Schema | None) -> "_Round":
        (schema or Schema.shown_by(examples)).check(examples)
        rest, held, marked = ex.split(examples)
        seen = rest if marked else [*rest, *held]
        useful = [replace(e, spans=e.spans if e.complete else ()) for e in seen if e.complete or e.classes]
        asked, reasons = (schema or Schema.shown_by(examples)).learnable(useful)
        if not asked.spans and not asked.questions:
            raise NothingToLearn(_why_nothing(examples, useful, reasons))
        kept = np.array([marked or row < len(rest) for row in range(len(seen))])
        ids = {id(e) for e in seen if e.complete or e.classes}
        rows = [row for row, e in enumerate(seen) if id(e) in ids]
        return cls(useful, held, kept[rows], asked, reasons, tokenizer_for(useful))

    @property
    def phases(self) -> tuple[int, ...]:
        """Steps on what may be trained on before measuring, then on all."""
        return (_STEPS,) if self.kept.all() else (_STEPS, _REFIT_STEPS)


def _boldness(spans: int) -> float:
    """Most for a hundred labelled spans or fewer, none from three thousand on."""
    return min(2.0, max(0.0, 2.0 * (1.0 - math.log(max(spans, 1) / 100) / math.log(30))))


def _why_nothing(examples: Sequence[Example], useful: Sequence[Example], reasons: Mapping[str, str]) -> str:
    if not examples:
        return "nothing to learn: the data has no lines"
    if not useful:
        return "nothing to learn: no line to train on is complete or answers a question"
    told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    return f"nothing to learn: no labelled span and no question with two choices ({told or 'no label at all'})"


def _workplace(model_dir: Path, data: Path, round_: _Round, seed: int) -> Path:
    """The directory for this very training, so that a repeated call resumes it and another one starts afresh."""
    told = json.dumps([seed, round_.schema.to_dict(), round_.phases])
    mark = hashlib.sha256(data.read_bytes() + told.encode()).hexdigest()[:16]
    base = model_dir / "work"
    for other in base.glob("*"):
        if other.name != mark:
            shutil.rmtree(other, ignore_errors=True)
    for unfinished in (model_dir / "export").glob(".unfinished-*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    (base / mark).mkdir(parents=True, exist_ok=True)
    return base / mark


class _Tell(Hook):
    """Passes each step on to the caller."""

    def __init__(self, tell: Progress, steps: int) -> None:
        self.tell, self.steps = tell, steps

    def after_step(self, step: Step) -> None:
        self.tell({"phase": "train", "step": step.number, "steps": self.steps, "loss": step.loss})


def _run(estimator: Estimator, batch: Batch, round_: _Round, tell: Progress) -> dict[str, Any]:
    """Train, measuring on what is held out before that is trained on too."""
    held_out = np.append(~round_.kept, False)
    phases = [without(batch, held_out), batch][-len(round_.phases) :] if not round_.kept.all() else [batch]

    def input_fn() -> tf.data.Dataset:
        parts = [
            tf.data.Dataset.from_tensors((phase.inputs, phase.labels)).repeat(steps)
            for phase, steps in zip(phases, round_.phases, strict=True)
        ]
        return parts[0] if len(parts) == 1 else parts[0].concatenate(parts[1])

    hook = _Tell(tell, sum(round_.phases))
    saved = estimator.model_dir / "held_out.json"
    if not saved.exists():
        estimator.train(input_fn, max_steps=round_.phases[0], hooks=[hook])
        tell({"phase": "evaluate", "documents": len(round_.held)})
        aside = saved.with_suffix(".part")
        aside.write_text(json.dumps(_measure(estimator, round_)), encoding="utf-8")
        aside.rename(saved)
    estimator.train(input_fn, max_steps=sum(round_.phases), hooks=[hook])
    return dict(json.loads(saved.read_text(encoding="utf-8")))


def _measure(estimator: Estimator, round_: _Round) -> dict[str, Any]:
    if not round_.held:
        return {"spans": None, "questions": {}}
    answers = _answers(estimator, [example.text for example in round_.held])
    found = score_answers(round_.held, answers, round_.schema)
    interval = bootstrap_interval(found.pop("documents"))
    return {**found, "interval": interval}


def _answers(estimator: Estimator, texts: Sequence[str]) -> list[dict[str, Any]]:
    schema = estimator.params.schema
    given = [ex.encodable(text) for text in texts]
    batches = estimator.predict(
        lambda: tf.data.Dataset.from_tensor_slices({"text": given}).batch(64), yield_single_examples=False
    )
    return [answer for outputs in batches for answer in answers_of(outputs, len(outputs["uncertainty"]), schema)]


def _export(estimator: Estimator, round_: _Round, base: Path, seed: int) -> Path:
    description = {
        "format": FORMAT_VERSION,
        "schema": round_.schema.to_dict(),
        "tokenizer": round_.tokenizer._asdict(),
        "examples": len(round_.seen),
        "seed": seed,
        "tensorflow": tf.__version__,
    }
    told = json.dumps(description, ensure_ascii=False)
    describe = tf.function(lambda: {"json": tf.constant(told)}).get_concrete_function()
    return estimator.export_saved_model(base, serving_input, signatures={"describe": describe})


def _verify(export: Path, estimator: Estimator, texts: Sequence[str]) -> None:
    """The export, loaded, says what the model in memory says; otherwise it is taken back.

    On the beginnings of the texts, and with a tolerance: sums over long ones depend on the order they are added in.
    """
    texts = [text[:VERIFIED] for text in texts]
    pairs = zip(load(export)(texts), _answers(estimator, texts), strict=True)
    if not all(_agree(served["spans"], trained["spans"]) for served, trained in pairs):
        shutil.rmtree(export)
        raise RuntimeError("the export does not answer like the model that was trained")


def _agree(served: Sequence[Mapping[str, Any]], trained: Sequence[Mapping[str, Any]]) -> bool:
    places, scores = zip(*(_places_and_scores(spans) for spans in (served, trained)), strict=True)
    return bool(places[0] == places[1] and np.allclose(scores[0], scores[1], atol=1e-3))


def _places_and_scores(spans: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[int, int, str]], list[float]]:
    return [(span["start"], span["end"], span["label"]) for span in spans], [span["score"] for span in spans]
