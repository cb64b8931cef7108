"""How often a threshold keeps its promise, and how much it shows: `python -m bench.drawn`; see docs/models.md.

A model answers a test part. Of the documents in it some are drawn, again and again, as if they were those that training
has answers out of fold for; a rule finds a threshold from them, and the rest of the test says how much is shown with it
and how much of that is right. So nothing but the rule is measured, beside those that it took the place of.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from statistics import mean

import numpy as np

from bench import promises
from bench.measured import ROOT
from bench.rows import Row, add, read
from trainer.ml.calibration import Events
from trainer.ml.thresholds import PRECISION, design_effects, lower_bound, threshold_of

RESULTS = ROOT / "bench" / "results" / "drawn.jsonl"
MODELS = [
    ("en_bc5cdr", "50"), ("en_bc5cdr", "200"), ("en_bc5cdr", "1000"), ("swa_masakhaner", "200"),
    ("de_legal_ler", "200"), ("en_banking77", "500"), ("en_banking77", "2000"), ("en_bc5cdr/kinds", "200"),
]  # fmt: skip
DRAWN = (40, 80, 160, 320)  # documents
TIMES, TESTED = 300, 3000
Rule = Callable[[np.ndarray, np.ndarray, np.ndarray], float | None]


def _to_the_first_that_fails(bound: np.ndarray, tried: np.ndarray) -> np.ndarray:
    passing = np.flatnonzero(tried & (bound >= PRECISION))
    failing = np.flatnonzero(tried & (bound < PRECISION))
    end = failing[failing > passing.min(initial=len(bound))].min(initial=len(bound))
    return passing[passing < end]


def _all_that_pass(bound: np.ndarray, tried: np.ndarray) -> np.ndarray:
    return np.flatnonzero(tried & (bound >= PRECISION))


def _one_by_one(passing: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Rule:
    def threshold(score: np.ndarray, right: np.ndarray, document: np.ndarray) -> float | None:
        order = np.argsort(-score, kind="stable")
        ranked, right = score[order], right[order]
        effect = design_effects(right, document[order])
        bound = lower_bound(np.cumsum(right) / effect, np.arange(1, len(ranked) + 1) / effect)
        found = passing(bound, np.append(ranked[1:] < ranked[:-1], True))
        return float(ranked[found.max()]) - 1e-6 if len(found) else None

    return threshold


RULES: dict[str, Rule] = {
    "each time a tenth fewer": lambda *events: threshold_of(*events).threshold,
    "one by one, until one fails": _one_by_one(_to_the_first_that_fails),
    "one by one, the lowest that passes": _one_by_one(_all_that_pass),
}


def drawn(events: Events, documents: int, rule: Rule, chance: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Of each draw the share that is shown of the rest, and how much of that is right."""
    all_ = np.unique(events.document)
    for _ in range(TIMES):
        known = np.isin(events.document, chance.permutation(all_)[:documents])
        least = rule(events.score[known], events.right[known], events.document[known])
        shown = ~known & (events.score >= (np.inf if least is None else least))
        yield shown.sum() / (~known).sum(), events.right[shown].mean() if shown.any() else np.nan


def _measured(corpus: str, size: str) -> Iterator[Row]:
    for kind, events, _ in promises.answered(promises.Cell(corpus, size, 1), TESTED, TESTED).judged:
        for documents in DRAWN:
            if 2 * documents > len(np.unique(events.document)):
                continue
            for rule, of in RULES.items():
                shares = np.array(list(drawn(events, documents, of, np.random.default_rng(0))))
                shown = shares[:, 0] > 0
                yield {
                    "corpus": corpus,
                    "size": size,
                    "kind": kind,
                    "documents": documents,
                    "rule": rule,
                    "shown": round(float(shares[:, 0].mean()), 4),
                    "right": round(float(shares[shown, 1].mean()), 4) if shown.any() else None,
                    "broken": round(float((shares[shown, 1] < PRECISION).sum() / TIMES), 4),
                }


def table(rows: list[Row]) -> str:
    """By rule and documents drawn: means over models."""
    by: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        by[row["rule"], row["documents"]].append(row)
    lines = [
        "| which are tried | documents | models | shown | right of those | below 0.8 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for (rule, documents), cells in sorted(by.items(), key=lambda item: (list(RULES).index(item[0][0]), item[0][1])):
        shown, broken = (100 * mean(cell[key] for cell in cells) for key in ("shown", "broken"))
        right = mean(cell["right"] for cell in cells if cell["right"] is not None)
        lines.append(f"| {rule} | {documents} | {len(cells)} | {shown:.0f} % | {right:.3f} | {broken:.1f} % |")
    return "\n".join(lines)


def cell(row: Row) -> Hashable:
    """Which of a model's draws a row is of."""
    return row["corpus"], row["size"], row["kind"], row["documents"], row["rule"]


def main() -> int:
    """Measure anew, all of it: minutes."""
    parser = argparse.ArgumentParser(prog="python -m bench.drawn", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    for corpus, size in MODELS:
        for row in _measured(corpus, size):
            add(options.results, row)
        print(corpus, size, "done", file=sys.stderr, flush=True)
    print(table(read(options.results, cell)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
