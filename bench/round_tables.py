"""Tables of what rounds cost and find, before and after a change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from statistics import mean, median

from bench.model_tables import FIGURE, head, line, order
from bench.rows import NOTHING, Row

AIMS = {"20": 0.35, "50": 0.35, "22000t": 0.5}  # of the CPU seconds before
SMALL = ("20", "50", "200")  # sizes that are judged together by what they lose
LOSS_AIM = 0.5  # points, of the mean over corpora at 20, 50 and 200 lines
Key = tuple[str, ...]


def told(row: Row) -> str:
    """One sample in a few words."""
    before, after = cpu([row], "before"), cpu([row], "after")
    shown = f"{median(before):.1f} → {median(after):.1f} CPU s, ratio {_ratio([row])}; {_points(row)}"
    return f"{row['corpus']} {row['size']} sample {row['sample']}, {row['before']} → {row['after']}: {shown}"


def latest(rows: Sequence[Row]) -> list[Row]:
    """Of what was not measured for a lever, the rows of the two builds that were measured last."""
    compared = [row for row in rows if not row["lever"]]
    return like(max(compared, key=lambda row: row["at"]), compared) if compared else []


def like(given: Row, rows: Sequence[Row]) -> list[Row]:
    """The rows of the same two builds."""
    codes = ("before_code", "after_code")
    return [row for row in rows if all(row[key] == given[key] for key in codes)]


def rounds(rows: Sequence[Row]) -> str:
    """What both builds cost and find: by size, by corpus and size, and by phase; and how busy the machine was."""
    if not rows:
        return NOTHING
    return "\n\n".join([by_size(rows), by_corpus(rows), by_phase(rows), circumstances(rows)])


def by_size(rows: Sequence[Row]) -> str:
    """Ratios by size, medians over samples, of CPU seconds beside the aim; the mean over corpora of what is gained."""
    names = ["labelled", "corpora", "samples", "CPU, after/before", "aim", "met", "clock", "peak memory", "points"]
    lines = [head(names)]
    few: list[Row] = []
    for size, of_size in _grouped(rows, "size").items():
        aim = AIMS.get(size[0])
        ratios = [median(cpu([row], "after")) / median(cpu([row], "before")) for row in of_size]
        few += of_size if size[0] in SMALL else []
        lines.append(
            line(
                [
                    size[0],
                    str(len(_grouped(of_size, "corpus"))),
                    str(len(of_size)),
                    f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})",
                    "" if aim is None else f"≤ {aim:g}",
                    "" if aim is None else _met(median(ratios) <= aim),
                    f"{_of(of_size, 'wall'):.2f}",
                    f"{_of(of_size, 'peak_mb'):.2f}",
                    f"{_gain(of_size):+.1f}",
                ]
            )
        )
    if few:
        gain = _gain(few)
        lost = [f"{gain:+.1f} ({_spread(few)}), aim ≥ −{LOSS_AIM:g}: {_met(gain >= -LOSS_AIM)}"]
        measured = ", ".join(size for size in SMALL if any(row["size"] == size for row in few))
        lines.append(line([f"{measured} together", str(len(_grouped(few, "corpus"))), str(len(few)), *[""] * 5, *lost]))
    return "\n".join(lines)


def by_corpus(rows: Sequence[Row]) -> str:
    """A line for each corpus and size: medians of all runs, the ratio of them, and in brackets from pair to pair."""
    names = ["corpus", "labelled (tokens)", "samples", "before, CPU s", "after, CPU s", "ratio", "MB peak", "found"]
    lines = [head(names)]
    for (corpus, size), found in _grouped(rows, "corpus", "size").items():
        peaks = " → ".join(f"{median(_values(found, which, 'peak_mb')):,.0f}" for which in ("before", "after"))
        lines.append(
            line(
                [
                    corpus,
                    f"{size} ({mean(row['tokens'] for row in found):,.0f})",
                    str(len(found)),
                    f"{median(cpu(found, 'before')):.1f}",
                    f"{median(cpu(found, 'after')):.1f}",
                    _ratio(found),
                    peaks,
                    _found(found),
                ]
            )
        )
    return "\n".join(lines)


def by_phase(rows: Sequence[Row]) -> str:
    """Means of the CPU seconds of each phase that a training tells of, by size; they add up."""
    phases = list(dict.fromkeys(name for row in rows for run in row["runs"] for name in run["phases"]))
    lines = [head(["labelled", "build", *phases, "all"])]
    for (size,), of_size in _grouped(rows, "size").items():
        for which in ("before", "after"):
            runs = _runs(of_size, which)
            shown = [f"{mean(run['phases'].get(name, _NO_PHASE)['cpu'] for run in runs):.1f}" for name in phases]
            lines.append(line([size, _names(of_size, which), *shown, f"{mean(cpu(of_size, which)):.1f}"]))
    return "\n".join(lines)


_NO_PHASE = {"cpu": 0.0}


def levers(rows: Sequence[Row]) -> str:
    """What each change that was measured by itself did, in the order of their first rows.

    Of each size the ratio of CPU seconds, the median over samples, the points gained, and of how many samples.
    """
    named: dict[str, list[Row]] = {}
    for row in rows:
        if row["lever"]:
            named.setdefault(row["lever"], []).append(row)
    if not named:
        return NOTHING
    sizes = sorted({row["size"] for found in named.values() for row in found}, key=order)
    lines = [head(["what", "between", *(f"{size}: CPU; points [samples]" for size in sizes)])]
    for name, found in named.items():
        shown = []
        for size in sizes:
            of_size = [row for row in found if row["size"] == size]
            shown.append(f"{_of(of_size, 'cpu'):.2f}; {_gain(of_size):+.1f} [{len(of_size)}]" if of_size else "–")
        lines.append(line([name, f"{_names(found, 'before')} → {_names(found, 'after')}", *shown]))
    return "\n".join(lines)


def circumstances(rows: Sequence[Row]) -> str:
    """Between which loads it was measured, and what others took of the machine meanwhile."""
    runs = [run for row in rows for run in row["runs"]]
    loads, others = [run["load"] for run in runs], [run["others"] for run in runs]
    when = sorted(row["at"][:10] for row in rows)
    tested = sorted({row["tested"] for row in rows})
    return (
        f"{len(runs)} trainings, {when[0]} to {when[-1]}. Load average before each: {_range(loads)}. Processors that "
        f"other work kept busy meanwhile: {_range(others)}. Test lines answered: {tested[0]:,} to {tested[-1]:,}."
    )


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.1f} to {max(values):.1f}, median {median(values):.1f}"


def cpu(rows: Iterable[Row], which: str) -> list[float]:
    """CPU seconds of all trainings of a build."""
    return _values(rows, which, "cpu")


def _values(rows: Iterable[Row], which: str, key: str) -> list[float]:
    return [run[key] for run in _runs(rows, which)]


def _runs(rows: Iterable[Row], which: str) -> list[Row]:
    return [run for row in rows for run in row["runs"] if run["build"] == which]


def _of(rows: Sequence[Row], key: str) -> float:
    """The ratio of medians, the median over samples."""
    return median(median(_values([row], "after", key)) / median(_values([row], "before", key)) for row in rows)


def _ratio(rows: Sequence[Row]) -> str:
    """Of medians; in brackets the least and the greatest of the pairs that ran one after the other."""
    pairs = [ratio for row in rows for ratio in _pairs(row)]
    return f"{median(cpu(rows, 'after')) / median(cpu(rows, 'before')):.2f} ({min(pairs):.2f}–{max(pairs):.2f})"


def _pairs(row: Row) -> list[float]:
    return [after / before for before, after in zip(cpu([row], "before"), cpu([row], "after"), strict=True)]


def _gain(rows: Sequence[Row]) -> float:
    """Points more after than before: the mean over corpora of the mean over their samples."""
    return mean(mean(_difference(row) for row in found) for found in _grouped(rows, "corpus").values())


def _spread(rows: Sequence[Row]) -> str:
    means = {key[0]: mean(_difference(row) for row in found) for key, found in _grouped(rows, "corpus").items()}
    return ", ".join(f"{name} {means[name]:+.1f}" for name in islice(sorted(means, key=means.__getitem__), 3))


def _difference(row: Row) -> float:
    figure = FIGURE[row["task"]]
    return float(row["scores"]["after"][figure] - row["scores"]["before"][figure])


def _found(rows: Sequence[Row]) -> str:
    figure = FIGURE[rows[0]["task"]]
    before, after = (mean(row["scores"][which][figure] for row in rows) for which in ("before", "after"))
    return f"{before:.1f} → {after:.1f}"


def _points(row: Row) -> str:
    return f"{FIGURE[row['task']].replace('_', ' ')} {_found([row])} ({_difference(row):+.1f})"


def _names(rows: Sequence[Row], which: str) -> str:
    return ", ".join(dict.fromkeys(row[which] for row in rows))


def _met(met: bool) -> str:
    return "yes" if met else "**no**"


def _grouped(rows: Sequence[Row], *keys: str) -> dict[Key, list[Row]]:
    """By the values of some keys, in the order of corpora and sizes."""
    groups: defaultdict[Key, list[Row]] = defaultdict(list)
    by_corpus = "corpus" in keys
    ordered = sorted(rows, key=lambda row: (row["corpus"] if by_corpus else "", order(row["size"]), row["sample"]))
    for row in ordered:
        groups[tuple(row[key] for key in keys)].append(row)
    return groups
