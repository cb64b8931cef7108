"""Whether suggestions keep what they promise, on test parts: `python -m bench.promises`; see docs/models.md.

For each sample a model is trained in a fresh process, and another shows what it would suggest for a part of the test.
Each kind of answer is a line of the results file: how many were shown, how many of them right, an interval of that
share, and the calibration error beside what training told of it. What stands there already is not measured again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench import corpora, rows
from bench.measured import ROOT, Cost, Failed, run
from bench.models import version
from bench.systems import write
from trainer.ml.calibration import Events, judged, judged_relations
from trainer.ml.examples import Example, parse
from trainer.ml.reliability import expected_error, reliability
from trainer.ml.schema import Question, Schema
from trainer.ml.thresholds import PRECISION, lower_bound

Answer = dict[str, Any]
RESULTS = ROOT / "bench" / "results" / "promises.jsonl"
CORPORA = [
    "en_bc5cdr", "en_wikigold", "swa_masakhaner", "zh_weibo", "de_legal_ler", "en_banking77", "german_sentiment",
    "en_cooking", "swa_masakhaner/kinds", "en_bc5cdr/kinds", "en_semeval10",
]  # fmt: skip
SIZES = ["20", "50", "100", "200", "500"]
TESTED, POOL = 300, 300  # lines answered, and texts beside them and the labelled ones that are in the pool
SURE = 0.95  # of each side of an interval: 90 % between them


@dataclass(frozen=True)
class Cell:
    """A model on one sample."""

    corpus: str
    size: str
    sample: int


def main() -> int:
    """Measure what is asked for and not yet known."""
    options = _options()
    known = {(row["corpus"], row["size"], row["sample"]) for row in read(options.results)}
    for cell in _planned(options):
        if (cell.corpus, cell.size, cell.sample) in known and not options.again:
            continue
        try:
            measured = list(_measured(cell, options.tested, options.pool))
        except Failed as failure:
            print(f"{cell}: {failure}", file=sys.stderr, flush=True)
            continue
        for row in measured:
            rows.add(options.results, row)
            print(cell, row["kind"], row["right"], "of", row["shown"], "right", file=sys.stderr, flush=True)
    return 0


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a results file, the last of each cell and kind."""
    return rows.read(path, lambda row: (row["corpus"], row["size"], row["sample"], row["kind"]))


def _planned(options: argparse.Namespace) -> Iterator[Cell]:
    for sample in options.samples:
        for corpus in options.corpora:
            for size in options.sizes:
                if int(size) <= len(corpora.load(corpus).train):
                    yield Cell(corpus, size, sample)


class Answered(NamedTuple):
    """Of a new model: what training said, and of each kind of answer to the test all and those that are shown."""

    said: dict[str, Any]
    cost: Cost
    judged: list[tuple[str, Events, Events]]


def answered(cell: Cell, tested: int, pooled: int) -> Answered:
    """Train a model and have it answer the test, each in a process of its own."""
    corpus = corpora.load(cell.corpus)
    sample, test = corpus.sample(cell.size, cell.sample), corpora.permuted(corpus.test, corpora.SEED)[:tested]
    more = corpora.permuted(corpus.train, corpora.SEED)[:pooled]
    with tempfile.TemporaryDirectory(prefix="marginalia-promises-") as name:
        folder = Path(name)
        data, model = write(folder / "data.jsonl", sample), folder / "model"
        pool = write(folder / "pool.jsonl", [{"text": line["text"]} for line in [*sample, *test, *more]])
        texts = write(folder / "texts.jsonl", [{"id": line["id"], "text": line["text"]} for line in test])
        train = [sys.executable, "-m", "trainer.ml", "train", "--data", str(data), "--model-dir", str(model), "--quiet"]
        printed, cost = run([*train, "--pool", str(pool)])
        said = json.loads(printed.splitlines()[-1])
        answers, _ = run([sys.executable, "-m", "bench.suggest", said["export"], "--all"], texts)
    schema, *lines = [json.loads(line) for line in answers.split("\n") if line]
    examples = [parse(dict(line), str(row)) for row, line in enumerate(test)]
    return Answered(said, cost, list(_judged(Schema.from_dict(schema), examples, lines)))


def _measured(cell: Cell, tested: int, pooled: int) -> Iterator[dict[str, Any]]:
    said, cost, judged_ = answered(cell, tested, pooled)
    told = said["metrics"]["calibration"]
    for kind, all_, shown in judged_:
        report = told[kind] if kind in ("spans", "relations") else next(iter(told["questions"].values()), None)
        yield {
            **asdict(cell),
            "kind": kind,
            **_promise(shown),
            "answers": len(all_.right),
            "ece": round(expected_error(reliability(all_.score, all_.right)), 4) if len(all_.right) else None,
            "told": report and {key: report[key] for key in ("ece", "ece_interval", "events")},
            "train_cpu": round(cost.cpu_seconds, 1),
            "version": version(),
        }


def _promise(shown: Events) -> dict[str, Any]:
    """How many were shown and right, and whether that is the share that was promised."""
    count, right = len(shown.right), int(shown.right.sum())
    if not count:
        return {"shown": 0, "right": 0, "precision": None, "interval": None, "kept": None}
    low, high = float(lower_bound(right, count, SURE)), 1.0 - float(lower_bound(count - right, count, SURE))
    precision = right / count
    kept = "yes" if precision >= PRECISION else "no" if high < PRECISION else "unsure"
    interval = [round(low, 3), round(high, 3)]
    return {"shown": count, "right": right, "precision": round(precision, 3), "interval": interval, "kept": kept}


def _judged(
    schema: Schema, examples: Sequence[Example], lines: Sequence[Answer]
) -> Iterator[tuple[str, Events, Events]]:
    """Each kind of answer, all of them and those that are shown."""
    both = [line["all"] for line in lines], [line["shown"] for line in lines]
    if schema.spans:
        all_, shown = (judged(examples, [answer["spans"] for answer in answers], schema.spans) for answers in both)
        yield "spans", all_, shown
    if schema.relations:
        all_, shown = (
            judged_relations(examples, [(answer["spans"], answer["relations"]) for answer in answers], schema.relations)
            for answers in both
        )
        yield "relations", all_, shown
    for question in schema.questions:
        all_ = _choices(question, examples, [line["shares"][question.name] for line in lines])
        shown = _choices(question, examples, [line["shown"]["choices"][question.name] for line in lines])
        yield "several choices" if question.multiple else "single choice", all_, shown


def _choices(question: Question, examples: Sequence[Example], ranked: Sequence[Sequence[Answer]]) -> Events:
    """Of a single choice the best answer of a document, of several each."""
    rows = [
        (0, choice["score"], choice["label"] in (example.answer_to(question) or ()), document)
        for document, (example, choices) in enumerate(zip(examples, ranked, strict=True))
        for choice in (choices if question.multiple else choices[:1])
    ]
    label, score, right, document = np.array(rows, float).reshape(-1, 4).T
    return Events(label.astype(int), score, right > 0, document.astype(int))


def table(rows: Sequence[dict[str, Any]]) -> str:
    """By corpus and kind: the share that was right, of how many shown; and by kind in all."""
    sizes = sorted({row["size"] for row in rows}, key=int)
    lines = [_line(["kind", "corpus", *sizes]), "|---|---|" + "---:|" * len(sizes)]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        of_kind = [row for row in rows if row["kind"] == kind]
        for corpus in dict.fromkeys(row["corpus"] for row in of_kind):
            found = [[row for row in of_kind if (row["corpus"], row["size"]) == (corpus, size)] for size in sizes]
            lines.append(_line([kind, corpus, *(_share(part) for part in found)]))
        found = [[row for row in of_kind if row["size"] == size] for size in sizes]
        lines.append(_line([f"**{kind}**", "**all**", *(_share(part) for part in found)]))
        lines.append(_line(["", "calibration error: told, on the test", *(_errors(part) for part in found)]))
    return "\n".join(lines)


def _share(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return ""
    shown, right = (sum(row[key] for row in rows) for key in ("shown", "right"))
    if not shown:
        return "none shown"
    broken = 1.0 - float(lower_bound(shown - right, shown, SURE)) < PRECISION
    return f"{right / shown:.2f} of {shown}{' **below**' if broken else ''}"


def _errors(rows: Sequence[dict[str, Any]]) -> str:
    both = [(row["told"], row["ece"]) for row in rows if row["told"] and row["told"]["ece"] is not None]
    if not both:
        return "not told"
    held = sum(told["ece_interval"][0] <= ece <= told["ece_interval"][1] for told, ece in both)
    told, seen = np.mean([told["ece"] for told, _ in both]), np.mean([ece for _, ece in both])
    return f"{told:.3f}, {seen:.3f}; in the interval {held} of {len(both)}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.promises", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--corpora", nargs="+", default=CORPORA, help="names, or train.jsonl:test.jsonl")
    parser.add_argument("--sizes", nargs="+", default=SIZES, help="labelled lines")
    parser.add_argument("--samples", nargs="+", type=int, default=[1])
    parser.add_argument("--tested", type=int, default=TESTED, help="lines of the test that are answered")
    parser.add_argument(
        "--pool", type=int, default=POOL, help="texts that are in the pool beside these and the labelled"
    )
    parser.add_argument("--again", action="store_true", help="measure what is known, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
