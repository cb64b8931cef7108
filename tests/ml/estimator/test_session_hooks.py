"""Hooks as tf.estimator had them: they begin in the model's graph, and see of each step what they fetch by name."""

import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.ml.estimator.doubling import answered, asked, numbers
from trainer.ml.estimator import (
    Estimator,
    EstimatorSpec,
    LoggingTensorHook,
    ModeKeys,
    RunConfig,
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)


class Fetch(SessionRunHook):
    """Fetches the same at each step, and remembers all that happens."""

    def __init__(self, fetches: Any, stop_at: int | None = None) -> None:
        self.fetches, self.stop_at = fetches, stop_at
        self.told: list[str] = []
        self.seen: list[Any] = []

    def begin(self) -> None:
        self.told.append("begin")

    def after_create_session(self, session: Any, coord: Any) -> None:
        self.told.append("after_create_session")

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        self.told.append("before_run")
        return SessionRunArgs(self.fetches)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        self.told.append("after_run")
        assert run_context.original_args is not None
        assert run_context.original_args.fetches is self.fetches
        self.seen.append(run_values.results)
        if len(self.seen) == self.stop_at:
            run_context.request_stop()

    def end(self, session: Any) -> None:
        self.told.append("end")


class Model:
    """Doubles, names its tensors, and counts how often it is traced, by mode."""

    def __init__(self, **more: Any) -> None:
        self.traced = dict.fromkeys(ModeKeys, 0)
        self.more = more

    def __call__(self, features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        self.traced[mode] += 1
        layer = keras.layers.Dense(1, name="only")
        y = tf.identity(layer(features["x"]), "y")
        tf.reduce_sum(features["x"], name="sum")
        return answered(mode, y, labels, **{name: make(y) for name, make in self.more.items()})


def estimator(where: Path, model: Any) -> Estimator:
    return Estimator(model, where, RunConfig(save_summary_steps=None))


def test_a_hook_sees_what_it_fetches_of_each_step(tmp_path: Path) -> None:
    model = Model()
    hook = Fetch({"sum": "sum:0", "more": ["y", {"step": "global_step"}, ("global_step:0", "sum")]})

    estimator(tmp_path, model).train(numbers, max_steps=3, hooks=[hook])

    assert hook.told == ["begin", "after_create_session", *["before_run", "after_run"] * 3, "end"]
    sums = [float(x["x"].numpy().sum()) for x, _ in numbers().take(3)]
    assert [seen["sum"] for seen in hook.seen] == sums
    assert [seen["more"][1:] for seen in hook.seen] == [
        [{"step": step}, (step, found)] for step, found in enumerate(sums, start=1)
    ]
    assert all(isinstance(seen["more"][0], np.ndarray) and seen["more"][0].shape == (4, 1) for seen in hook.seen)


def test_tensors_are_looked_up_when_it_begins(tmp_path: Path) -> None:
    class Looking(Fetch):
        def begin(self) -> None:
            graph = tf.compat.v1.get_default_graph()
            step = tf.compat.v1.train.get_global_step()
            self.fetches = [graph.get_tensor_by_name("y:0"), step, graph.get_operation_by_name("sum").outputs[0]]
            super().begin()

    model = Model()
    trained, hooks = estimator(tmp_path, model), [Looking(None) for _ in range(4)]
    trained.train(numbers, max_steps=2, hooks=[hooks[0]])
    trained.evaluate(numbers, steps=3, hooks=[hooks[1]])
    list(trained.predict(asked, hooks=[hooks[2]]))
    trained.train(numbers, max_steps=3, hooks=[hooks[3]])

    assert [[int(seen[1]) for seen in hook.seen] for hook in hooks] == [[1, 2], [2, 2, 2], [2], [3]]
    assert [float(seen[2]) for seen in hooks[2].seen] == [6.0]
    assert hooks[2].seen[0][0].shape == (2, 1)


def test_to_fetch_takes_one_more_trace_once(tmp_path: Path) -> None:
    model = Model()
    trained = estimator(tmp_path, model)

    trained.train(numbers, max_steps=2)
    before = model.traced[ModeKeys.TRAIN]
    seen = []
    for max_steps in (4, 6):
        hook = Fetch("sum:0")
        trained.train(numbers, max_steps=max_steps, hooks=[hook, SessionRunHook()])
        seen.append(len(hook.seen))
    trained.train(numbers, max_steps=7)

    assert seen == [2, 2]
    assert model.traced[ModeKeys.TRAIN] == before + 1


def test_variables_are_read_after_the_step(tmp_path: Path) -> None:
    count = tf.Variable(0, name="count", dtype=tf.int64, trainable=False)

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        spec = Model()(features, labels, mode)
        if mode != ModeKeys.TRAIN:
            return spec
        return EstimatorSpec(mode, loss=spec.loss, train_op=tf.group(spec.train_op, count.assign_add(10)))

    hook = Fetch([count, "sum"])
    estimator(tmp_path, model_fn).train(numbers, max_steps=2, hooks=[hook])

    assert [int(seen[0]) for seen in hook.seen] == [10, 20]


def test_hooks_of_the_model_fetch_its_tensors(tmp_path: Path) -> None:
    made: list[Fetch] = []

    def hooks(y: tf.Tensor) -> list[Fetch]:
        made.append(Fetch({"y": y, "twice": 2 * y}))
        return [made[-1]]

    model = Model(training_hooks=hooks, evaluation_hooks=hooks, prediction_hooks=hooks)
    trained = estimator(tmp_path, model)
    trained.train(numbers, max_steps=2)
    trained.evaluate(numbers, steps=1)
    list(trained.predict(asked))
    trained.train(numbers, max_steps=4)

    assert sorted(len(hook.seen) for hook in made if hook.seen) == [1, 1, 2, 2]
    for one in (one for hook in made for one in hook.seen):
        np.testing.assert_allclose(one["twice"], 2 * one["y"])


def test_a_hook_can_ask_to_stop_in_each_mode(tmp_path: Path) -> None:
    trained = estimator(tmp_path, Model())

    hooks = [Fetch("y", stop_at=2) for _ in range(3)]
    trained.train(numbers, hooks=[hooks[0]])
    trained.evaluate(numbers, hooks=[hooks[1]])
    answers = list(trained.predict(lambda: asked().repeat(), hooks=[hooks[2]]))

    assert trained.latest_step() == 2
    assert [len(hook.seen) for hook in hooks] == [2, 2, 2]
    assert len(answers) == 4
    assert all(hook.told[-1] == "end" for hook in hooks)


def test_a_hook_may_ask_for_nothing_or_only_now_and_then(tmp_path: Path) -> None:
    class Sometimes(Fetch):
        def before_run(self, run_context: SessionRunContext) -> Any:
            return SessionRunArgs("sum") if len(self.seen) % 2 else None

        def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
            self.seen.append(run_values.results)

    hook = Sometimes(None)
    estimator(tmp_path, Model()).train(numbers, max_steps=4, hooks=[hook, SessionRunHook()])

    assert [seen if seen is None else float(seen) for seen in hook.seen] == [None, -2.5, None, 5.5]


@pytest.mark.parametrize(
    ("fetches", "error", "why"),
    [
        ("accuracy", ValueError, "wants to fetch 'accuracy:0', and no tensor of the model is called so"),
        ("y:3", ValueError, "wants to fetch 'y:3', and no tensor"),
        ({"a": 3}, TypeError, "fetch tensors of the model, their names, and variables, not int"),
    ],
)
def test_what_cannot_be_fetched_is_named(fetches: Any, error: type[Exception], why: str, tmp_path: Path) -> None:
    trained = estimator(tmp_path, Model()).train(numbers, max_steps=1)

    with pytest.raises(error, match=why):
        trained.train(numbers, max_steps=2, hooks=[Fetch(fetches)])
    with pytest.raises(error, match=why):
        trained.evaluate(numbers, steps=1, hooks=[Fetch(fetches)])
    with pytest.raises(error, match=why):
        list(trained.predict(asked, hooks=[Fetch(fetches)]))


def test_what_is_no_hook_is_named(tmp_path: Path) -> None:
    class Wrong(SessionRunHook):
        def before_run(self, run_context: SessionRunContext) -> Any:
            return ["loss"]

    with pytest.raises(TypeError, match="a hook must be a Hook or a SessionRunHook, not str"):
        estimator(tmp_path, Model()).train(numbers, max_steps=1, hooks=["log"])
    with pytest.raises(TypeError, match="before_run must return SessionRunArgs or None, not list"):
        estimator(tmp_path, Model()).train(numbers, max_steps=1, hooks=[Wrong()])


def test_a_session_is_only_there_for_an_input_of_tensors(tmp_path: Path) -> None:
    class Runs(SessionRunHook):
        def after_create_session(self, session: Any, coord: Any) -> None:
            session.run("y:0")

    with pytest.raises(RuntimeError, match="there is no session: fetch tensors of the model by before_run"):
        estimator(tmp_path, Model()).train(numbers, max_steps=1, hooks=[Runs()])


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.endswith("session_hooks")]


def test_tensors_are_logged_each_so_many_steps(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    trained = estimator(tmp_path, Model())

    trained.train(numbers, max_steps=5, hooks=[LoggingTensorHook({"total": "sum:0"}, every_n_iter=2)])
    assert told(caplog) == ["total = -6.5", "total = 1.5", "total = -6.5"]

    caplog.clear()
    last = LoggingTensorHook(["sum"], at_end=True, formatter=lambda values: f"at last {values['sum']:.2f}")
    trained.evaluate(numbers, steps=2, hooks=[last])
    assert told(caplog) == ["at last -2.50"]

    caplog.clear()
    list(trained.predict(asked, hooks=[LoggingTensorHook({"n": "sum"}, every_n_secs=1000)]))
    assert told(caplog) == ["n = 6.0"]


@pytest.mark.parametrize("given", [{}, {"every_n_iter": 0}, {"every_n_iter": 1, "every_n_secs": 1.0}])
def test_when_to_log_has_to_be_told(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give every_n_iter"):
        LoggingTensorHook({"a": "a"}, **given)
