"""How the cost of a round grows: `python -m bench.growth`; see docs/models.md.

Along each axis one thing grows over two decades while the rest stays: labelled tokens, labels of spans, choices of a
question, documents that the same tokens are cut into, unlabelled text of the pool. Texts are made up, so that nothing
else grows with it. Each point is a training in a fresh process; what stands in the results file for the same code is
not measured again (`--again` does).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle
from pathlib import Path

import numpy as np
from scipy import stats

from bench.builds import WORKING_TREE, Build, laid_out
from bench.measured import ROOT, Failed
from bench.model_tables import head, line
from bench.rounds import trained
from bench.rows import NOTHING, Row, add, read
from bench.systems import write

RESULTS = ROOT / "bench" / "results" / "growth.jsonl"
WORDS, NAMES = 4_000, 60  # words of the language, the frequent ones first; names of each label
NAMED = 0.1  # share of the tokens
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Load:
    """What is to be learnt from."""

    documents: int = 200
    length: int = 25  # tokens of a document
    labels: int = 4  # of spans
    choices: int = 0  # of one question
    pool: int = 1_000  # documents


POINTS: dict[str, dict[int, Load]] = {
    "tokens": {tokens: Load(documents=tokens // 25) for tokens in (500, 1_600, 5_000, 16_000, 50_000)},
    "labels": {labels: Load(labels=labels) for labels in (2, 6, 20, 63, 200)},
    "choices": {choices: Load(labels=0, choices=choices, documents=600) for choices in (2, 6, 20, 63, 200)},
    "documents": {count: Load(documents=count, length=10_000 // count) for count in (20, 63, 200, 630, 2_000)},
    "pool": {tokens: Load(pool=tokens // 25) for tokens in (2_500, 8_000, 25_000, 80_000, 250_000)},
}
SAYS = {
    "tokens": "labelled tokens, in documents of 25",
    "labels": "labels of spans, 5,000 tokens",
    "choices": "choices of a question, 15,000 tokens",
    "documents": "documents that 10,000 tokens are cut into",
    "pool": "tokens of the pool, 5,000 labelled",
}


def main() -> int:
    """Measure what is asked for and not yet known, and print what is known then."""
    options = _options()
    with laid_out(options.build) as build:
        known = set() if options.again else {cell(row) for row in read(options.results, cell)}
        for axis, value, repeat in _planned(options):
            wanted = {"axis": axis, "value": value, "repeat": repeat, "code": build.code}
            if cell(wanted) in known:
                continue
            try:
                cost = measured(build, POINTS[axis][value], seed=repeat)
            except Failed as failure:
                print(f"{axis} {value}: {failure}", file=sys.stderr, flush=True)
                continue
            add(options.results, wanted | {"build": build.name, **asdict(POINTS[axis][value]), **cost})
            print(f"{axis} {value}: {cost['cpu']:.1f} CPU s, {cost['peak_mb']} MB", file=sys.stderr, flush=True)
        print(tables([row for row in read(options.results, cell) if row["code"] == build.code]))
    return 0


def cell(row: Row) -> Hashable:
    """What a row is of."""
    return row["axis"], row["value"], row["repeat"], row["code"]


def measured(build: Build, load: Load, seed: int) -> Row:
    """The cost of one training. Raises `Failed`."""
    with tempfile.TemporaryDirectory(prefix="marginalia-growth-") as name:
        folder = Path(name)
        data = write(folder / "data.jsonl", list(documents(load, seed)))
        unlabelled = replace(load, documents=load.pool, length=25)
        pool = write(folder / "pool.jsonl", [{"text": one["text"]} for one in documents(unlabelled, seed + 1_000)])
        _, cost = trained(build, data, pool, folder / "model")
    return {**cost, "at": time.strftime("%Y-%m-%dT%H:%M:%S")}


def documents(load: Load, seed: int) -> Iterator[Row]:
    """Made-up labelled documents: names of labels among frequent and rare words, a topic that each word may tell."""
    language, chance = random.Random(0), random.Random(seed)  # one language, whatever is said in it
    words = [_word(language) for _ in range(WORDS)]
    names = [[_word(language).capitalize() for _ in range(NAMES)] for _ in range(load.labels)]
    topics = [[_word(language) for _ in range(NAMES)] for _ in range(load.choices)]
    often = [1 / (rank + 2) for rank in range(WORDS)]
    label_of = cycle(range(load.labels))  # so that each has as many spans as any other
    for number in range(load.documents):
        topic = number % load.choices if load.choices else None
        text, spans = "", []
        for word in chance.choices(words, often, k=load.length):
            label = next(label_of) if load.labels and chance.random() < NAMED else None
            told = topics[topic] if topic is not None and chance.random() < 2 * NAMED else None
            said = word if label is None else chance.choice(names[label])
            said = chance.choice(told) if told and label is None else said
            text += " " if text else ""
            if label is not None:
                spans.append({"start": len(text), "end": len(text) + len(said), "label": f"LABEL-{label}"})
            text += said
        classes = {} if topic is None else {"topic": [f"choice {topic}"]}
        yield {"id": str(number), "text": text + ".", "spans": spans, "classes": classes, "relations": []}


def _word(chance: random.Random) -> str:
    return "".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(chance.randint(1, 4)))


@dataclass(frozen=True)
class Exponent:
    """Cost grows like this power of what grows, between these bounds at a confidence of 95 %."""

    value: float
    low: float
    high: float


def exponent(points: Sequence[tuple[float, float]]) -> Exponent:
    """The slope of logarithms, by least squares, of at least three points."""
    x, y = np.log([point[0] for point in points]), np.log([point[1] for point in points])
    found = stats.linregress(x, y)
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(points) - 2) * found.stderr)
    return Exponent(float(found.slope), float(found.slope) - reach, float(found.slope) + reach)


def tables(rows: Sequence[Row]) -> str:
    """Costs along each axis, and the exponents fitted to them."""
    if not rows:
        return NOTHING
    fitted = [head(["what grows", "from – to", "trainings", "exponent, all", "exponent, its upper decade"])]
    costs = [head(["what grows", "to", "CPU s", "of that steps", "MB peak", "clock, s"])]
    for axis in POINTS:
        found = sorted((row for row in rows if row["axis"] == axis), key=lambda row: row["value"])
        points = [(row["value"], row["cpu"]) for row in found]
        for row in found:
            steps = row["phases"].get("train", {"cpu": 0.0})["cpu"]
            shown = [f"{row['cpu']:.1f}", f"{steps:.1f}", f"{row['peak_mb']:,}", f"{row['wall']:.0f}"]
            costs.append(line([SAYS[axis], f"{row['value']:,}", *shown]))
        if len({value for value, _ in points}) > 2:
            least, most = points[0][0], points[-1][0]
            upper = [point for point in points if point[0] * 11 >= most]
            cells = [SAYS[axis], f"{least:,} – {most:,}", str(len(points)), _shown(points), _shown(upper)]
            fitted.append(line(cells))
    loads, others = [row["load"] for row in rows], [row["others"] for row in rows]
    circumstances = (
        f"Load average before each {min(loads):.1f} to {max(loads):.1f}; other work kept {min(others):.1f} to "
        f"{max(others):.1f} processors busy meanwhile. Build {rows[-1]['build']}, {rows[-1]['at'][:10]}."
    )
    return "\n\n".join(["\n".join(fitted), "\n".join(costs), circumstances])


def _shown(points: Sequence[tuple[float, float]]) -> str:
    if len(points) < 3:
        return "–"
    found = exponent(points)
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _planned(options: argparse.Namespace) -> Iterator[tuple[str, int, int]]:
    for repeat in range(1, options.repeats + 1):
        for axis in options.axes:
            for value in POINTS[axis]:
                yield axis, value, repeat


def _options() -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__, formatter_class=form)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--build", default=WORKING_TREE, help="a commit, or . for the working tree, the default")
    parser.add_argument("--axes", nargs="+", choices=list(POINTS), default=list(POINTS))
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="measure what is known, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
