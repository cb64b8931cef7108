"""The fit itself: phases of full-batch training, and what the models in between say out of fold."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.ml.batches import Batch, without
from trainer.ml.candidates import given_spans
from trainer.ml.crossfit import Phase, phases_of
from trainer.ml.estimator import Estimator, Hook, RunConfig, Step
from trainer.ml.model import ModelParams, model_fn
from trainer.ml.opinions import no_opinions, with_opinions
from trainer.ml.predictor import answers_of, relations_of
from trainer.ml.round import Round

Progress = Callable[[dict[str, Any]], None]

SAVE_SECONDS = 10.0
FINEST = 2.0**-14  # weights are multiples of it
_COPIES, _FEW_TOKENS = 2, 8_000  # with some words hidden, of so little


class Fit:
    """The phases of one training, and the answers that the models in between give out of fold."""

    def __init__(self, work: Path, round_: Round, batch: Batch, seed: int, tell: Progress) -> None:
        self.round, self.batch, self.seed, self.tell, self.work = round_, batch, seed, tell, work
        tokens, labels = len(batch.labels["tags"]), len(round_.schema.spans)
        self.phases = phases_of(round_.seen, tokens, labels, opinions=batch.readings is not None)
        self.unknown = self.opinions = no_opinions(batch.vectors, labels)
        steps = tuple(steps for phase in self.phases for steps in (phase.rough, phase.settled) if steps)
        boldness = _boldness(int((batch.labels["tags"] % 2 == 1).sum()))
        self.params = ModelParams(
            round_.schema,
            round_.tokenizer,
            batch.vocabulary,
            batch.vectors,
            batch.spread,
            self.opinions,
            steps,
            boldness=boldness,
            copies=_COPIES if batch.labels["tag_weights"].any() and tokens < _FEW_TOKENS else 0,
        )
        self.config = RunConfig(seed=seed, save_checkpoints_secs=SAVE_SECONDS, graphs_as_traced=True)
        self.estimator = Estimator(model_fn, work, self.params, self.config)

    def run(self) -> dict[int, dict[str, Any]]:
        """Train; returns the answers of models to documents (by row) that they had not learnt from."""
        answered: dict[int, dict[str, Any]] = {}
        heard: list[np.ndarray] = []
        done = 0
        for number, phase in enumerate(self.phases):
            if phase.rough:
                heard.append(self._rough(number, phase, done))
            # The last model hears what all before it thought; the others must not hear those that know their answers.
            self.opinions = np.mean(heard[-1:] if phase.rough else heard, 0).round().astype(np.uint8)
            done += phase.rough + phase.settled
            answered |= self._settled(number, phase, done)
        return answered

    def weights(self) -> dict[str, np.ndarray]:
        """Of the model that learnt from everything, by the names of the variables."""
        return self.estimator.values()

    def _rough(self, number: int, phase: Phase, done: int) -> np.ndarray:
        """The opinions of a rough model, fitted after so many steps that are done."""
        saved = self.work / f"opinions-{number}.npy"
        if not saved.exists():
            self.opinions = self.unknown
            self._train(phase, done + phase.rough, _FromZero(self.estimator, done))
            found = self.unknown
            if self.batch.readings:
                tally = next(self.estimator.predict(self.batch.readings.input, yield_single_examples=False))
                found = self.batch.readings.opinions(tally, self.batch.vectors)
            _write(saved, lambda file: np.save(file, found))
        return np.asarray(np.load(saved))

    def _settled(self, number: int, phase: Phase, until: int) -> dict[int, dict[str, Any]]:
        """Go on with opinions; returns the answers to what is held back, by row."""
        saved = self.work / f"answers-{number}.json"
        if not saved.exists():
            if phase.settled:
                self._train(phase, until)
            told = json.dumps(self._held_answers(phase)).encode()
            _write(saved, lambda file: file.write(told))
        return {int(row): answer for row, answer in json.loads(saved.read_text(encoding="utf-8")).items()}

    def _train(self, phase: Phase, until: int, *hooks: Hook) -> None:
        """On everything but what the phase holds back, up to so many steps in all."""
        inputs = with_opinions(self.batch.inputs, self.opinions, self.batch.vectors, learning=True)
        data = tf.data.Dataset.from_tensors((inputs, without(self.batch, phase.held).labels)).repeat(until)
        steps = sum(self.params.phases)
        hooks = (_Tell(self.tell, steps), _Rounded(self.estimator, steps), *hooks)
        self.estimator.train(lambda: data, max_steps=until, hooks=hooks)

    def _held_answers(self, phase: Phase) -> dict[int, dict[str, Any]]:
        rows = np.flatnonzero(phase.held)
        if not len(rows):
            return {}
        self.tell({"phase": "evaluate", "documents": len(rows)})
        outputs = self._predicted(with_opinions(self.batch.inputs, self.opinions, self.batch.vectors, learning=False))
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


class _Rounded(Hook):
    """Rounds the weights that training ends with: an export then compresses much better, and no score shows it."""

    def __init__(self, estimator: Estimator, last: int) -> None:
        self.estimator, self.last = estimator, last

    def before_save(self, step: Step) -> None:
        if step.number == self.last:
            for variable in self.estimator.trainable_variables:
                variable.assign(tf.round(variable / FINEST) * FINEST)


def _boldness(spans: int) -> float:
    """Most for a hundred labelled spans or fewer, none from three thousand on."""
    return min(2.0, max(0.0, 2.0 * (1.0 - math.log(max(spans, 1) / 100) / math.log(30))))


def _write(path: Path, write: Callable[[Any], Any]) -> None:
    aside = path.with_suffix(".part")
    with aside.open("wb") as file:
        write(file)
    aside.rename(path)
