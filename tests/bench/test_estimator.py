"""What is kept of a run of a program for tf.estimator, and how both worlds stand in a table."""

from pathlib import Path
from typing import Any

from bench import estimator, estimator_tables
from tests.ml.programs.left import left_in


def test_what_a_run_leaves_is_the_same_for_the_same_run(tmp_path: Path) -> None:
    names = [
        "model.ckpt-100.index",
        "model.ckpt-20.index",
        "model.ckpt-20.meta",
        "input-20.json",
        "input-100.json",
        "events.out.tfevents.1764554400.host.12.0.v2",
        "export/best/1764554400/saved_model.pb",
        "eval/events.out.tfevents.1764554401.host",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert left_in(tmp_path) == {
        "checkpoints": {".": [20, 100]},
        "files": [
            "eval/events.out.tfevents",
            "events.out.tfevents",
            "export/best/TIME/saved_model.pb",
            "input-STEP.json",
            "model.ckpt-STEP.index",
            "model.ckpt-STEP.meta",
        ],
    }


def test_programs_are_laid_out_for_both_worlds(tmp_path: Path) -> None:
    estimator.lay_out(tmp_path)

    here, knew = ((tmp_path / world / "estimator_costs.py").read_text(encoding="utf-8") for world in ("here", "knew"))
    assert "= estimator.Estimator(double.model_fn" in here
    assert "= tf.estimator.Estimator(double.model_fn" in knew
    assert "trainer" not in knew
    assert (tmp_path / "knew" / "tagger.py").exists()


def test_a_table_has_medians_and_what_differs() -> None:
    rows = [
        run("double", world, {"evaluated": {"loss": loss}, "variables": ["dense/kernel", *more]}, number)
        for number, loss in enumerate((0.5, 0.25, 0.125))
        for world, more in (("knew", ["dense/kernel/Adam"]), ("here", []))
    ]
    rows += [
        run("steps: double", "knew", {"step_us": 100.0, "call_s": 0.5}),
        run("steps: double", "here", {"step_us": 150.0, "call_s": 0.25}),
    ]

    text = estimator_tables.table(rows)

    assert "| `double` | `evaluate`: loss | 0.25 | 0.25 |" in text
    assert "|  | checkpoints | 0, 10 | 0, 10 |" in text
    assert "| `double`, variables | `dense/kernel/Adam` |  |" in text
    assert "| 2·x, a step, µs | 100 | 150 |  |  | 1.5 |" in text
    assert "| 2·x, a call of `train`, ms | 500 | 250 |  |  | 0.5 |" in text


def run(what: str, world: str, found: dict[str, Any], number: int = 0) -> dict[str, Any]:
    """A line of the results."""
    row = {"what": what, "world": world, "round": number, "code": "c0de", "at": "2026-12-01T02:00:00", "cpu": 1.0}
    return row | {"found": found, "checkpoints": {".": [0, 10]}, "files": ["checkpoint"]}
