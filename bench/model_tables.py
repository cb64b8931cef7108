"""The tables of docs/models.md, from the results files: `python -m bench.model_tables`."""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from bench import effort, promises
from bench.models import RESULTS, read

Row = dict[str, Any]
NAMES = {
    "ours-a": "ours, pool (a)",
    "ours-b": "ours, pool (b)",
    "crfsuite": "CRFsuite",
    "spacy": "spaCy",
    "bilstm": "BiLSTM-CRF",
    "svm": "LinearSVC",
    "logistic": "logistic regression",
}
ORDER = ["crfsuite", "bilstm", "spacy", "svm", "logistic", "ours-b", "ours-a"]
FIGURE = {"spans": "f1", "choices": "accuracy", "relations": "macro_f1"}


def main() -> int:
    """Print every table that the results have rows for."""
    parser = argparse.ArgumentParser(prog="python -m bench.model_tables", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--effort", type=Path, default=effort.RESULTS)
    parser.add_argument("--promises", type=Path, default=promises.RESULTS)
    options = parser.parse_args()
    rows = read(options.results)
    for task, figure in FIGURE.items():
        of_task = [row for row in rows if row["task"] == task]
        if of_task:
            print(f"### {task}\n\n{scores(of_task, figure)}\n\n{costs(of_task)}\n")
    spans = [row for row in rows if row["task"] == "spans"]
    if spans:
        print(f"### means over corpora\n\n{gains(spans)}\n")
    if options.effort.exists():
        with options.effort.open(encoding="utf-8") as file:
            print(f"### effort\n\n{saved([json.loads(line) for line in file])}")
    if options.promises.exists():
        print(f"### promises\n\n{promises.table(promises.read(options.promises))}")
    return 0


def scores(rows: Sequence[Row], figure: str) -> str:
    """Means over samples, and between what they lie, a line for each corpus and size.

    Of a line only the samples count that both ours and the first peer were measured on: a mean of other samples is no
    comparison. Another system may have fewer of them; then it says how many.
    """
    systems = [name for name in ORDER if any(row["system"] == name for row in rows)]
    lines = [head(["corpus", "labelled lines (tokens)", "samples", *(NAMES[name] for name in systems)])]
    for (corpus, size), cells in _by_cell(rows).items():
        compared = [{row["sample"] for row in cells.get(name, [])} for name in (systems[0], "ours-a")]
        shared = set.intersection(*compared)
        if not shared:
            continue
        common = {name: [row for row in found if row["sample"] in shared] for name, found in cells.items()}
        tokens = mean(row["tokens"] for row in common["ours-a"])
        shown = [_score(common.get(name, []), figure, len(shared)) for name in systems]
        lines.append(line([corpus, f"{size} ({tokens:,.0f})", str(len(shared)), *shown]))
    return "\n".join(lines)


def _score(rows: Sequence[Row], figure: str, samples: int) -> str:
    if not rows:
        return "–"
    found = [row[figure] for row in rows]
    capped = "*" if any(row["said"].get("capped") for row in rows) else ""
    between = f" ({min(found):.1f}–{max(found):.1f})" if len(found) > 1 else ""
    fewer = f" [{len(found)}]" if len(found) < samples else ""
    return f"{mean(found):.1f}{capped}{between}{fewer}"


def costs(rows: Sequence[Row]) -> str:
    """Processor seconds of training, peak memory and size of what is kept, as means over samples."""
    systems = [name for name in ORDER if name != "ours-b" and any(row["system"] == name for row in rows)]
    lines = [head(["corpus", "labelled lines", *(f"{NAMES[name]}: CPU s · MB peak · MB kept" for name in systems)])]
    for (corpus, size), cells in _by_cell(rows).items():
        shown = [
            " · ".join(f"{mean(row[key] for row in cells[name]):,.{digits}f}" for key, digits in _COSTS)
            if name in cells
            else "–"
            for name in systems
        ]
        lines.append(line([corpus, size, *shown]))
    return "\n".join(lines)


_COSTS = (("train_cpu", 1), ("peak_mb", 0), ("compressed_mb", 1))


def gains(rows: Sequence[Row]) -> str:
    """By size, the mean over corpora of how far ours is above each peer on the samples that both were measured on."""
    by_key = {(row["corpus"], row["size"], row["sample"], row["system"]): row["f1"] for row in rows}
    sizes = sorted({row["size"] for row in rows}, key=order)
    lines = [head(["labelled lines", "pool", *(f"over {NAMES[peer]}" for peer in ("crfsuite", "spacy"))])]
    for size in sizes:
        for pool in ("a", "b"):
            shown = [_gain(by_key, size, f"ours-{pool}", peer) for peer in ("crfsuite", "spacy")]
            if shown != ["–", "–"]:
                lines.append(line([size, f"({pool})", *shown]))
    return "\n".join(lines)


def _gain(by_key: dict[tuple[str, str, int, str], float], size: str, ours: str, peer: str) -> str:
    found: defaultdict[str, list[float]] = defaultdict(list)
    for (corpus, of_size, sample, system), f1 in by_key.items():
        other = by_key.get((corpus, size, sample, peer))
        if of_size == size and system == ours and other is not None:
            found[corpus].append(f1 - other)
    if not found:
        return "–"
    means = {corpus: mean(values) for corpus, values in found.items()}
    lowest = min(means, key=means.__getitem__)
    return f"{mean(means.values()):+.1f} (corpora: {len(means)}; least {means[lowest]:+.1f}, {lowest})"


def saved(rows: Sequence[Row]) -> str:
    """Actions saved so far, and the precision of what was shown in each stretch; means over samples."""
    lines = [head(["system", "", *(str(last) for last in (*effort.TRAINED_AFTER[1:], effort.LAST))])]
    for corpus, system in sorted({(row["corpus"], row["system"]) for row in rows}):
        samples = {
            row["sample"]: row["stretches"][1:] for row in rows if (row["corpus"], row["system"]) == (corpus, system)
        }
        stretches = list(zip(*samples.values(), strict=True))
        name = f"{system}, {corpus}, samples: {len(samples)}"
        saving = [f"{mean(one['saved'] for one in part):.1f} %" for part in stretches]
        shown = [f"{_precision(part)} of {mean(one['shown'] for one in part):.0f}" for part in stretches]
        lines += [line([name, "saved so far", *saving]), line(["", "right of those shown", *shown])]
    return "\n".join(lines)


def _precision(stretches: Sequence[Row]) -> str:
    shown = sum(one["shown"] for one in stretches)
    return f"{sum(one['right'] for one in stretches) / shown:.2f}" if shown else "–"


def _by_cell(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, list[Row]]]:
    cells: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in sorted(rows, key=lambda row: (row["corpus"], order(row["size"]), row["sample"])):
        cells.setdefault((row["corpus"], row["size"]), {}).setdefault(row["system"], []).append(row)
    return cells


def order(size: str) -> tuple[bool, bool, int]:
    return size == "all", size.endswith("t"), int(size.rstrip("t")) if size != "all" else 0


def head(cells: Sequence[str]) -> str:
    return line(cells) + "\n" + "|---" * 2 + "|---:" * (len(cells) - 2) + "|"


def line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
