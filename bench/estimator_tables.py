"""What `bench.estimator` measured, as tables for docs/estimator.md."""

from __future__ import annotations

from statistics import median
from typing import Any

from bench.rows import NOTHING, Row

PROGRAMS = ("odd_or_even", "double", "digits", "digits_experiment", "two_optimizers", "tagger")
STEPS = {
    "double": "2·x",
    "digits": "digits from an iterator's tensors",
    "digits, a Dataset": "digits from a Dataset",
}


def table(rows: list[Row]) -> str:
    """What came of the programs in either world, and what that cost; of the code that was measured last."""
    if not rows:
        return NOTHING
    newest = max(rows, key=lambda row: row["at"])["code"]
    rows = [row for row in rows if row["code"] == newest]
    return f"{_programs(rows)}\n\n{_differences(rows)}\n\n{_costs(rows)}"


def _of(rows: list[Row], what: str, world: str = "here") -> list[Row]:
    return [row for row in rows if row["what"] == what and row["world"] == world]


def _programs(rows: list[Row]) -> str:
    lines = ["| program | | tf.estimator 2.15 | here |", "|---|---|---|---|"]
    for what in PROGRAMS:
        knew, here = _of(rows, what, "knew"), _of(rows, what)
        if not knew or not here:
            continue
        told = [
            (
                f"`evaluate`: {key}",
                *(_number([row["found"]["evaluated"].get(key) for row in of]) for of in (knew, here)),
            )
            for key in sorted({key for row in knew + here for key in row["found"]["evaluated"]})
        ]
        told.append(("checkpoints", _steps(knew[0]), _steps(here[0])))
        told.append(("seconds of CPU", *(_number([row["cpu"] for row in of]) for of in (knew, here))))
        lines += [
            f"| {'' if number else f'`{what}`'} | {label} | {one} | {other} |"
            for number, (label, one, other) in enumerate(told)
        ]
    return "\n".join(lines)


def _differences(rows: list[Row]) -> str:
    """Names that only one of the worlds has: variables and files."""
    lines = ["| program | only with tf.estimator 2.15 | only here |", "|---|---|---|"]
    for what in PROGRAMS:
        knew, here = _of(rows, what, "knew"), _of(rows, what)
        if not knew or not here:
            continue
        for label, names in (("files", _files), ("variables", _variables), ("keys", _keys)):
            one, other = names(knew[0]), names(here[0])
            if one != other:
                lines.append(f"| `{what}`, {label} | {_listed(one - other)} | {_listed(other - one)} |")
    return "\n".join(lines)


def _costs(rows: list[Row]) -> str:
    lines = [
        "| CPU | tf.estimator 2.15 | here | a bare loop | Keras `fit` | here over 2.15 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for key, unit, factor in (("step_us", "a step, µs", 1.0), ("call_s", "a call of `train`, ms", 1000.0)):
        for what, label in STEPS.items():
            kinds = [("steps", "knew"), ("steps", "here"), ("loop", "here"), ("fit", "here")]
            values = [[row["found"][key] * factor for row in _of(rows, f"{how}: {what}", w)] for how, w in kinds]
            if values[0] and values[1]:
                ratio = f"{median(values[1]) / median(values[0]):.2g}"
                lines.append(f"| {label}, {unit} | " + " | ".join(_number(one) for one in values) + f" | {ratio} |")
    return "\n".join(lines) + "\n\n" + _answers(rows)


def _answers(rows: list[Row]) -> str:
    lines = ["| one number, ms | tf.estimator 2.15 | here |", "|---|---:|---:|"]
    knew, here = _of(rows, "answers", "knew"), _of(rows, "answers")
    if not knew or not here:
        return NOTHING
    for which, name in (("new", "a new Estimator's `predict`"), ("kept", "a kept one's"), ("export", "the export")):
        for unit, label in (("cpu_ms", "CPU"), ("wall_ms", "by the clock")):
            values = (_number([row["found"][which][unit] for row in of]) for of in (knew, here))
            lines.append(f"| {name}, {label} | " + " | ".join(values) + " |")
    for which, name in (("new", "a new Estimator over the export"), ("kept", "a kept one over the export")):
        for unit, label in (("cpu_ms", "CPU"), ("wall_ms", "by the clock")):
            values = (
                _number([row["found"][which][unit] / row["found"]["export"][unit] for row in of]) for of in (knew, here)
            )
            lines.append(f"| {name}, {label}, times | " + " | ".join(values) + " |")
    return "\n".join(lines)


def _steps(row: Row) -> str:
    return "; ".join(", ".join(map(str, steps)) for steps in row["checkpoints"].values())


def _files(row: Row) -> set[str]:
    return {file.replace("model.ckpt", "ckpt") for file in row["files"]}


def _variables(row: Row) -> set[str]:
    return {name.removeprefix("train/") for name in row["found"]["variables"]}  # where the optimizer's are here


def _keys(row: Row) -> set[str]:
    return set(row["found"]["evaluated"])


def _listed(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _number(values: list[Any]) -> str:
    """The median, or nothing."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    middle = median(known)
    return f"{middle:,.0f}" if abs(middle) >= 100 else f"{middle:.3g}"
