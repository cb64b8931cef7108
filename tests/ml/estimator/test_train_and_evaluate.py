"""Training with evaluations between: exporters, early stopping, warm starts and hooks."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.ml.estimator.doubling import answered, asked, doubled, numbers, serving
from trainer.ml.estimator import (
    BestExporter,
    EarlyStopping,
    Estimator,
    EstimatorSpec,
    EvalSpec,
    FinalExporter,
    Goal,
    Hook,
    LatestExporter,
    ModeKeys,
    RunConfig,
    Step,
    TrainSpec,
    VariableMismatch,
    WarmStart,
    from_saved_model,
    stop_if_no_decrease_hook,
    stop_if_no_increase_hook,
    train_and_evaluate,
)
from trainer.ml.estimator.evaluating import evaluations_in
from trainer.ml.estimator.exports import numbered_exports

# The loss after each step is what the input says it is: the model follows it by a rate of one.
LOSSES = [5.0, 3.0, 4.0, 2.0, 6.0, 7.0, 8.0, 1.0]


def follower(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
    at = tf.Variable(0.0, name="at")
    if mode == ModeKeys.TRAIN:
        return EstimatorSpec(mode, loss=features["loss"], train_op=at.assign(features["loss"]))
    return EstimatorSpec(mode, loss=at + 0.0, predictions={"at": at + features["loss"] * 0.0})


def losses() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices({"loss": LOSSES})


def loss() -> dict[str, tf.TensorSpec]:
    return {"loss": tf.TensorSpec([], tf.float32)}


def served(where: Path) -> float:
    return float(from_saved_model(where)(loss=0.0)["at"])


def estimator(where: Path, model_fn: Any = follower) -> Estimator:
    return Estimator(model_fn, where, config=RunConfig(save_checkpoints_steps=1, keep_checkpoint_max=None))


def names(where: Path) -> list[str]:
    return sorted(path.name for path in where.iterdir())


def steps_of(base: Path) -> list[int]:
    """Of which steps the exports are that are there, oldest first."""
    told = json.loads((base / "steps.json").read_text(encoding="utf-8"))
    return [told[export.name] for export in numbered_exports(base)]


def test_each_checkpoint_is_evaluated_and_exporters_choose(tmp_path: Path) -> None:
    exporters = [
        LatestExporter("latest", loss, keep=2),
        BestExporter("best", loss),
        BestExporter("worst", loss, goal=Goal("loss", higher_is_better=True), keep=1),
        FinalExporter("final", loss),
    ]

    last, exports = train_and_evaluate(
        estimator(tmp_path), TrainSpec(losses, max_steps=6), EvalSpec(losses, steps=1, name="held", exporters=exporters)
    )

    kept = [json.loads(line) for line in (tmp_path / "eval_held" / "evaluations.jsonl").read_text().splitlines()]
    assert [(line["global_step"], line["loss"]) for line in kept] == list(enumerate(LOSSES[:6], start=1))
    assert last == kept[-1]
    base = tmp_path / "export"
    assert {name: steps_of(base / name) for name in names(base)} == {
        "latest": [5, 6],
        "best": [1, 2, 4],
        "worst": [6],
        "final": [6],
    }
    assert [served(export) for export in numbered_exports(base / "best")] == [5.0, 3.0, 2.0]
    assert exports == numbered_exports(base / "final")
    assert [served(base / name) for name in ("latest", "worst", "final")] == [7.0, 7.0, 7.0]


def test_training_stops_when_nothing_gets_better_and_stays_stopped(tmp_path: Path) -> None:
    specs = TrainSpec(losses, max_steps=8), EvalSpec(losses, steps=1)

    for _ in range(2):
        last, _ = train_and_evaluate(estimator(tmp_path), *specs, early_stopping=EarlyStopping(patience=2))
        assert last is not None
        assert last["global_step"] == 6  # 2.0 at step 4 was the best, two worse ones came after
    last, _ = train_and_evaluate(estimator(tmp_path), *specs, early_stopping=EarlyStopping(patience=4))

    assert last is not None
    assert (last["global_step"], last["loss"]) == (8, 1.0)


def test_a_gain_too_small_does_not_count(tmp_path: Path) -> None:
    stopping = EarlyStopping(patience=1, least_gain=2.5)

    last, _ = train_and_evaluate(
        estimator(tmp_path), TrainSpec(losses, max_steps=8), EvalSpec(losses, steps=1), early_stopping=stopping
    )

    assert last is not None
    assert last["global_step"] == 2


class DieAt(Hook):
    def __init__(self, step: int) -> None:
        self.step = step

    def after_save(self, step: Step, path: str) -> None:
        if step.number == self.step:
            raise KeyboardInterrupt


def test_a_call_that_was_killed_before_an_evaluation_makes_up_for_it(tmp_path: Path) -> None:
    def spec() -> EvalSpec:
        return EvalSpec(losses, steps=1, exporters=[BestExporter("best", loss)])

    with pytest.raises(KeyboardInterrupt):
        train_and_evaluate(estimator(tmp_path / "killed"), TrainSpec(losses, 6, [DieAt(4)]), spec())
    train_and_evaluate(estimator(tmp_path / "killed"), TrainSpec(losses, 6), spec())
    train_and_evaluate(estimator(tmp_path / "whole"), TrainSpec(losses, 6), spec())

    kept, best = "eval/evaluations.jsonl", "export/best"
    assert (tmp_path / "killed" / kept).read_text() == (tmp_path / "whole" / kept).read_text()
    assert steps_of(tmp_path / "killed" / best) == steps_of(tmp_path / "whole" / best) == [1, 2, 4]


def test_a_metric_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="no metric is called 'f1'; there are: loss, global_step"):
        train_and_evaluate(
            estimator(tmp_path),
            TrainSpec(losses, max_steps=3),
            EvalSpec(losses, steps=1),
            early_stopping=EarlyStopping(Goal("f1")),
        )


def test_while_it_trains_only_the_checkpoint_just_written_can_be_used(tmp_path: Path) -> None:
    trained = estimator(tmp_path)

    class Evaluate(Hook):
        def after_step(self, step: Step) -> None:
            if step.number == 3:
                trained.evaluate(losses, steps=1, checkpoint_path=tmp_path / "ckpt-1")

    with pytest.raises(RuntimeError, match="while it trains"):
        trained.train(losses, max_steps=4, hooks=[Evaluate()])


def test_hooks_watch_training_evaluation_and_prediction(tmp_path: Path) -> None:
    class Watch(Hook):
        def __init__(self) -> None:
            self.told: list[Any] = []

        def begin(self, step: int) -> None:
            self.told.append(("begin", step))

        def before_step(self, step: int) -> None:
            self.told.append(("before", step))

        def after_step(self, step: Step) -> None:
            self.told.append(("after", step.number, step.loss))
            step.stop = True

        def end(self, step: int) -> None:
            self.told.append(("end", step))

    trained, watches = estimator(tmp_path).train(losses, max_steps=2), [Watch() for _ in range(3)]
    trained.train(losses, max_steps=5, hooks=[watches[0]])
    trained.evaluate(losses, hooks=[watches[1]])
    answers = list(trained.predict(losses, hooks=[watches[2]], yield_single_examples=False))

    assert watches[0].told == [("begin", 2), ("before", 2), ("after", 3, 5.0), ("end", 3)]
    assert watches[1].told == [("begin", 0), ("before", 0), ("after", 1, 5.0), ("end", 1)]
    assert watches[2].told == [("begin", 0), ("before", 0), ("after", 1, None), ("end", 1)]
    assert len(answers) == 1


def two_layers(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
    x = keras.layers.Dense(1, name="body")(features["x"])
    return answered(mode, keras.layers.Dense(1, name="head")(x), labels, rate=0.0)


def start(tmp_path: Path, name: str, warm: Any, model_fn: Any = two_layers, seed: int = 2) -> dict[str, np.ndarray]:
    trained = Estimator(model_fn, tmp_path / name, config=RunConfig(seed=seed), warm_start_from=warm)
    trained.train(numbers, max_steps=1)
    assert list(trained.predict(asked))
    return {variable.name: variable.numpy() for variable in trained.trainable_variables}


def test_a_training_begins_from_what_another_learnt(tmp_path: Path) -> None:
    first = start(tmp_path, "first", None, seed=1)
    cold = start(tmp_path, "cold", None)

    all_of_it = start(tmp_path, "all", tmp_path / "first")
    body = start(tmp_path, "body", WarmStart(tmp_path / "first" / "ckpt-1", "body/.*"))
    again = start(tmp_path, "all", tmp_path / "cold")  # has a checkpoint of its own by now

    assert all_of_it == again == first
    assert body["body/kernel:0"] == first["body/kernel:0"] != cold["body/kernel:0"]
    assert body["head/kernel:0"] == cold["head/kernel:0"] != first["head/kernel:0"]


def test_a_warm_start_that_cannot_be_says_why(tmp_path: Path) -> None:
    def wider(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        x = keras.layers.Dense(2, name="body")(features["x"])
        return answered(mode, keras.layers.Dense(1, name="head")(x), labels)

    start(tmp_path, "first", None)

    with pytest.raises(FileNotFoundError, match="to begin from"):
        start(tmp_path, "a", tmp_path)
    for nowhere in ("nowhere", "nowhere/ckpt-1", "first/ckpt-2"):
        with pytest.raises(FileNotFoundError, match=f"there is no checkpoint at .*{nowhere} to begin from"):
            start(tmp_path, "a", str(tmp_path / nowhere))
    with pytest.raises(ValueError, match=r"matches 'tail/\.\*'; there are body/kernel, body/bias"):
        start(tmp_path, "b", WarmStart(tmp_path / "first", "tail/.*"))
    with pytest.raises(VariableMismatch, match=r"'model/body/kernel' with shape \(1, 1\), the model with \(1, 2\)"):
        start(tmp_path, "c", tmp_path / "first", wider)


def test_a_doubling_model_is_served_from_its_best_export(tmp_path: Path) -> None:
    trained = Estimator(doubled, tmp_path, config=RunConfig(save_checkpoints_steps=60))

    train_and_evaluate(
        trained, TrainSpec(numbers, 120), EvalSpec(numbers, steps=4, exporters=[BestExporter("best", serving)])
    )

    assert from_saved_model(tmp_path / "export" / "best")(x=[[5.0]])["y"][0] == pytest.approx([10.0], abs=0.3)


def test_a_final_export_is_not_repeated(tmp_path: Path) -> None:
    specs = TrainSpec(losses, max_steps=4), EvalSpec(losses, steps=1, exporters=FinalExporter("final", loss))

    found = [train_and_evaluate(estimator(tmp_path), *specs) for _ in range(3)]
    base = tmp_path / "export" / "final"

    assert found[0] == found[1] == found[2]
    assert found[0][1] == numbered_exports(base)
    assert steps_of(base) == [4]
    train_and_evaluate(estimator(tmp_path), TrainSpec(losses, max_steps=6), specs[1])
    assert steps_of(base) == [4, 6]


def test_what_is_better_can_be_told_by_a_function(tmp_path: Path) -> None:
    def nearer_to_six(best_eval_result: dict[str, float], current_eval_result: dict[str, float]) -> bool:
        return abs(current_eval_result["loss"] - 6) < abs(best_eval_result["loss"] - 6)

    exporters = [BestExporter("six", loss, compare_fn=nearer_to_six)]

    train_and_evaluate(estimator(tmp_path), TrainSpec(losses, 8), EvalSpec(losses, steps=1, exporters=exporters))

    assert steps_of(tmp_path / "export" / "six") == [1, 5]


@pytest.mark.parametrize(("throttle", "evaluated"), [(0, [1, 2, 3, 4]), (3600, [1, 4])])
def test_evaluations_are_held_back(throttle: float, evaluated: list[int], tmp_path: Path) -> None:
    spec = EvalSpec(losses, steps=1, throttle_secs=throttle, start_delay_secs=120, exporters=LatestExporter("l", loss))

    last, _ = train_and_evaluate(estimator(tmp_path), TrainSpec(losses, 4), spec)

    assert last is not None
    assert (last["global_step"], last["loss"]) == (4, LOSSES[3])
    assert [found["global_step"] for found in evaluations_in(tmp_path / "eval")] == evaluated
    assert steps_of(tmp_path / "export" / "l") == evaluated


def test_a_training_may_end_with_its_input(tmp_path: Path) -> None:
    last, exports = train_and_evaluate(estimator(tmp_path), TrainSpec(losses), EvalSpec(losses, steps=1))

    assert last is not None
    assert (last["global_step"], exports) == (8, [])


@pytest.mark.parametrize("name", [None, "held"])
@pytest.mark.parametrize(
    ("make", "given", "ended"),
    [
        (stop_if_no_decrease_hook, (2,), 6),  # 2.0 at 4 was the lowest
        (stop_if_no_decrease_hook, (5,), 8),
        (stop_if_no_increase_hook, (3,), 4),  # 5.0 at 1 was the highest
    ],
)
def test_a_hook_stops_by_what_evaluations_say(
    make: Any, given: tuple[int], ended: int, name: str | None, tmp_path: Path
) -> None:
    trained = estimator(tmp_path)
    hook = make(trained, "loss", *given, trained.eval_dir(name) if name else None, run_every_secs=None)

    train_and_evaluate(trained, TrainSpec(losses, 8, [hook]), EvalSpec(losses, steps=1, name=name))

    assert trained.latest_step() == ended


def test_a_stopping_hook_waits_and_looks_now_and_then(tmp_path: Path) -> None:
    def ended(name: str, **given: Any) -> int | None:
        trained = estimator(tmp_path / name)
        hook = stop_if_no_decrease_hook(trained, "loss", 1, **given)
        train_and_evaluate(trained, TrainSpec(losses, 8, [hook]), EvalSpec(losses, steps=1))
        return trained.latest_step()

    assert ended("at once", run_every_secs=None) == 3
    assert ended("later", run_every_secs=None, min_steps=4) == 5
    assert ended("seldom", run_every_steps=5) == 6
    assert ended("never", run_every_secs=3600) == 8


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_what_train_and_evaluate_cannot_take_is_named(wrong: int, tmp_path: Path) -> None:
    given: list[Any] = [estimator(tmp_path), TrainSpec(losses, 8), EvalSpec(losses)]
    given[wrong] = losses

    with pytest.raises(TypeError, match="takes an Estimator, a TrainSpec and an EvalSpec: <function losses"):
        train_and_evaluate(*given)
