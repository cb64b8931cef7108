"""The fit itself: stages of full-batch training, and what models say of documents that they had not learnt from."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.ml.batches import Batch
from trainer.ml.candidates import given_spans
from trainer.ml.crossfit import Stage, stages_of
from trainer.ml.estimator import Hook, Step
from trainer.ml.inputs import KINDS
from trainer.ml.model import FIT, ModelParams, weights_of
from trainer.ml.opinions import TALLY, no_opinions, with_opinions
from trainer.ml.predictor import answers_of, relations_of, shares_of
from trainer.ml.round import Round
from trainer.ml.traced import Traced
from trainer.ml.unseen import as_new

Progress = Callable[[dict[str, Any]], None]

_BUNDLED = re.compile(rf"(?:span|choice)_({'|'.join(KINDS)})(?![a-z])")  # tables with a row for each feature
_COPIES = ((2_000, 2), (8_000, 1))  # with some words hidden, of fewer tokens than these


class Fit:
    """The stages of one training, and the answers that its models give to documents that they had not learnt from."""

    def __init__(self, work: Path, round_: Round, batch: Batch, tell: Progress, traced: Traced | None = None) -> None:
        """`traced` is what an earlier training has traced; what this one does is kept there for the next."""
        self.round, self.batch, self.tell, self.work = round_, batch, tell, work
        schema = round_.columns
        tokens, labels = len(batch.labels["tags"]), len(schema.spans)
        bundles = batch.bundles
        vocabulary = {**bundles.vocabulary, "relations": batch.vocabulary["relations"]}
        weights = weights_of(vocabulary, schema)
        self.stages = stages_of(round_.seen, tokens, labels, weights, opinions=batch.readings is not None)
        self.unknown = self.opinions = no_opinions(batch.vectors, labels)
        steps = tuple(steps for stage in self.stages for steps in (stage.rough, stage.settled) if steps)
        self.params = ModelParams(
            schema,
            round_.tokenizer,
            vocabulary,
            batch.vectors,
            bundles.first("spelling", batch.spread),
            self.opinions,
            steps,
            self.stages[0].fits,
            copies=_copies(tokens) if batch.labels["tag_weights"].any() else 0,
            basis=batch.basis,
            learnt=round_.schema,
        )
        # A program of several heads takes longer to trace than five folds take to be answered without, unless it stays.
        # That of spans is small, and without it loops over all positions go operation by operation.
        heads = bool(schema.spans) + len(schema.questions) + bool(schema.relations)
        self.by_program = traced is not None or heads == 1
        self.estimator = (Traced() if traced is None else traced).estimator(work, self.params)

    def run(self) -> dict[int, dict[str, Any]]:
        """Train; returns the answers of models to documents (by row) that they had not learnt from."""
        answered: dict[int, dict[str, Any]] = {}
        done = 0
        for number, stage in enumerate(self.stages):
            heard = self._rough(number, stage, done + stage.rough) if stage.rough else [self.opinions]
            # Who learns from everything hears all others; these must not hear one that knows their answers.
            self.opinions = np.mean(heard[:-1] or heard, 0).round().astype(np.uint8)
            done += stage.rough + stage.settled
            answered |= self._settled(number, stage, done, [*heard[:-1], self.opinions])
        return answered

    @property
    def whole(self) -> ModelParams:
        """Of the model of everything by itself, of each feature by itself."""
        kept = self.batch
        return replace(self.params, vocabulary=kept.vocabulary, spread=kept.spread, fits=1, opinions=self.opinions)

    def weights(self) -> dict[str, np.ndarray]:
        """Of the model that learnt from everything, by the names of the variables."""
        if not self.estimator.trainable_variables:  # all was done before this process began
            data = self._data(self.stages[-1], [self.opinions] * self.params.fits)
            self.estimator.build(data.element_spec)
        values, found = self.estimator.values(), {}
        for variable in self.estimator.trainable_variables:
            name = variable.name.partition(":")[0]
            own = values[name][-1] if self.params.fits > 1 else values[name]
            kind = _BUNDLED.match(name)
            found[name] = self.batch.bundles.spread(kind[1], own) if kind else own
        return found

    def _rough(self, number: int, stage: Stage, until: int) -> list[np.ndarray]:
        """The opinions of rough models."""
        saved = self.work / f"opinions-{number}.npy"
        if not saved.exists():
            self._train(stage, until, [self.unknown] * stage.fits, by_words=stage.settled > 0)
            found = [self._opinion(stage, fit) for fit in range(stage.fits)]
            _write(saved, lambda file: np.save(file, np.stack(found)))
        return list(np.load(saved))

    def _opinion(self, stage: Stage, fit: int) -> np.ndarray:
        readings = self.batch.readings
        if readings is None or (stage.fits > 1 and fit == stage.fits - 1):
            return self.unknown
        return readings.opinions(self._predicted(readings.inputs, fit), self.batch.vectors)

    def _settled(
        self, number: int, stage: Stage, until: int, opinions: Sequence[np.ndarray]
    ) -> dict[int, dict[str, Any]]:
        """Go on with opinions; returns the answers to what is held back, by row."""
        saved = self.work / f"answers-{number}.json"
        if not saved.exists():
            if stage.settled:
                self._train(stage, until, opinions)
            answered: dict[int, dict[str, Any]] = {}
            for fit, table in enumerate(opinions):
                answered |= self._held_answers(stage.held[:, fit], fit, table)
            _write(saved, lambda file: file.write(json.dumps(answered).encode()))
        return {int(row): answer for row, answer in json.loads(saved.read_text(encoding="utf-8")).items()}

    def _train(self, stage: Stage, until: int, opinions: Sequence[np.ndarray], *, by_words: bool = False) -> None:
        """On everything but what each fit of the stage holds back, up to so many steps in all.

        A rough model whose opinions are wanted goes `by_words` alone: it reads all texts, and to encode them would take
        longer than everything else.
        """
        data = self._data(stage, opinions, by_words=by_words).repeat(until)
        hooks = [_Tell(self.tell, sum(self.params.phases))]
        self.estimator.train(lambda: data, max_steps=until, hooks=hooks)

    def _data(self, stage: Stage, opinions: Sequence[np.ndarray], *, by_words: bool = False) -> tf.data.Dataset:
        """Everything, as one batch."""
        inputs = with_opinions(self.batch.inputs, opinions, self.batch.vectors, learning=True)
        if by_words and "states" in inputs:
            inputs["states"] = np.zeros_like(inputs["states"])
        labels = {**self.batch.labels, "learns": (~stage.held.T).astype(np.float32)}
        return tf.data.Dataset.from_tensors((inputs, labels))

    def _held_answers(self, held: np.ndarray, fit: int, opinions: np.ndarray) -> dict[int, dict[str, Any]]:
        rows = np.flatnonzero(held)
        if not len(rows):
            return {}
        self.tell({"phase": "evaluate", "documents": len(rows)})
        names = [told for name, told in self.batch.labels.items() if name.startswith("choice_names")]
        inputs = as_new(self.batch.inputs, names, held)
        inputs = with_opinions(inputs, [opinions], self.batch.vectors, learning=False)
        outputs = self._predicted(inputs, fit)
        schema, columns, seen = self.round.schema, self.round.columns, self.round.seen
        answers = answers_of(outputs, len(seen), schema, columns)
        shares = shares_of(outputs, schema, columns)
        given: list[list[dict[str, Any]]] = [[] for _ in seen]
        if schema.relations:
            spans = given_spans([[(span.start, span.end, span.label) for span in example.spans] for example in seen])
            given = relations_of(self._predicted({**inputs, **spans}, fit), len(seen))
        return {
            int(row): {
                **answers[row],
                "shares": {name: found[row].tolist() for name, found in shares.items()},
                "given": given[row],
            }
            for row in rows
        }

    def _predicted(self, features: Mapping[str, Any], fit: int) -> dict[str, np.ndarray]:
        given = {**features, FIT: np.int32(fit)}
        if self.by_program or TALLY in features:
            inputs = tf.data.Dataset.from_tensors(given)
            found: dict[str, np.ndarray] = next(self.estimator.predict(lambda: inputs, yield_single_examples=False))
        else:
            found = self.estimator.predict_once(given)
        return found


class _Tell(Hook):
    """Passes each step on to the caller."""

    def __init__(self, tell: Progress, steps: int) -> None:
        self.tell, self.steps = tell, steps

    def after_step(self, step: Step) -> None:
        self.tell({"phase": "train", "step": step.number, "steps": self.steps, "loss": step.loss})


def _copies(tokens: int) -> int:
    return next((copies for fewer, copies in _COPIES if tokens < fewer), 0)


def _write(path: Path, write: Callable[[Any], Any]) -> None:
    aside = path.with_suffix(".part")
    with aside.open("wb") as file:
        write(file)
    aside.rename(path)
