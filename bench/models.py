"""Our models beside CRFsuite, spaCy and scikit-learn: `python -m bench.models`; see docs/models.md.

For each sample of labelled lines every system trains and answers in fresh processes, one after the other, before the
next sample. Each measured cell is a line of the results file. What stands there already is not measured again, so a run
that broke off goes on, and cells can be added, or measured again (`--again`; the last line of a cell counts).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import corpora, rows, scoring
from bench.measured import ROOT, Failed
from bench.peers.tokens import kind_for, tokenize
from bench.systems import ALL, CAN, FOR_TASK, OURS, Outcome, Work, measure, write

RESULTS = ROOT / "bench" / "results" / "models.jsonl"
SIZES = {
    "en_bc5cdr": ["50", "200", "1000", "all"],
    "ja_stockmark": ["200", "1000"],
    "zh_weibo": ["50", "200", "all"],
    "de_legal_ler": ["50", "200"],
    "en_wnut17": ["200"],
    "en_wikigold": ["20", "50"],
    "swa_masakhaner": ["50", "200", "1000"],
    "en_banking77": ["500", "2000", "all"],
    "en_semeval10": ["200", "1000", "all"],
}


@dataclass(frozen=True)
class Cell:
    """One system on one sample."""

    corpus: str
    size: str
    sample: int
    system: str


def main() -> int:
    """Measure what is asked for and not yet known."""
    options = _options()
    known = set() if options.again else {_cell(row) for row in read(options.results)}
    for cell in _planned(options):
        if cell in known:
            continue
        try:
            row = _measured(cell, options.spacy_seconds)
        except Failed as failure:
            print(f"{cell}: {failure}", file=sys.stderr, flush=True)
            continue
        rows.add(options.results, row)
        print(_told(row), file=sys.stderr, flush=True)
    return 0


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a results file, the last of each cell."""
    return rows.read(path, _cell)


def _cell(row: dict[str, Any]) -> Cell:
    return Cell(row["corpus"], row["size"], row["sample"], row["system"])


def _planned(options: argparse.Namespace) -> Iterator[Cell]:
    for sample in options.samples:
        for corpus in options.corpora:
            asked = options.systems
            task = corpora.load(corpus).task
            systems = [name for name in asked if name in CAN[task]] if asked else FOR_TASK[task]
            for size in options.sizes or SIZES.get(corpus, ["50", "200", "1000"]):
                if size.isdigit() and int(size) > len(corpora.load(corpus).train):
                    print(f"{corpus} has no {size} lines to train on", file=sys.stderr)
                    continue
                for system in systems:
                    yield Cell(corpus, size, sample, system)


def _measured(cell: Cell, spacy_seconds: float) -> dict[str, Any]:
    corpus = corpora.load(cell.corpus)
    sample = corpus.sample(cell.size, cell.sample)
    with tempfile.TemporaryDirectory(prefix="marginalia-models-") as name:
        folder = Path(name)
        pool = corpus.pool(cell.system[-1]) if cell.system in OURS else []
        work = Work(
            corpus.task,
            write(folder / "data.jsonl", sample),
            write(folder / "texts.jsonl", [corpora.unlabelled(line, corpus.task) for line in corpus.test]),
            write(folder / "pool.jsonl", [{"text": text} for text in pool]),
            folder / "model",
            spacy_seconds,
        )
        work.folder.mkdir()
        found = measure(cell.system, work)
    return _row(cell, corpus, sample, found)


def _row(cell: Cell, corpus: corpora.Corpus, sample: list[dict[str, Any]], found: Outcome) -> dict[str, Any]:
    kind = kind_for(sample)
    return {
        **asdict(cell),
        "task": corpus.task,
        **{name: round(value, 2) for name, value in scoring.score(corpus.task, corpus.test, found.answers).items()},
        "lines": len(sample),
        "tokens": sum(len(tokenize(line["text"], kind)) for line in sample),
        "tested": len(corpus.test),
        "train_cpu": round(found.trained.cpu_seconds, 2),
        "train_wall": round(found.trained.wall_seconds, 2),
        "predict_cpu": round(found.answered.cpu_seconds, 2),
        "peak_mb": round(found.trained.peak_mb),
        "size_mb": round(found.size[0], 2),
        "compressed_mb": round(found.size[1], 2),
        "said": found.said,
        "version": version(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%S"),
    }


def version() -> str:
    """The commit that the models are of."""
    return subprocess.run(
        ["git", "log", "-1", "--format=%h", "--", "trainer/ml"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def _told(row: dict[str, Any]) -> str:
    figure = next(f"{name} {row[name]:.1f}" for name in ("f1", "accuracy", "macro_f1") if name in row)
    capped = " (capped)" if row["said"].get("capped") else ""
    where = f"{row['corpus']} {row['size']} sample {row['sample']} {row['system']}"
    return f"{where}: {figure}, {row['train_cpu']:.1f} CPU s{capped}, {row['peak_mb']} MB"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.models", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--corpora", nargs="+", default=list(SIZES), help="names, or train.jsonl:test.jsonl")
    parser.add_argument("--sizes", nargs="+", help="lines (200), tokens (22000t) or all")
    parser.add_argument("--samples", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--systems", nargs="+", choices=ALL, help="by default, all that fit the corpus")
    parser.add_argument("--again", action="store_true", help="measure what is known, too")
    parser.add_argument("--spacy-seconds", type=float, default=0, help="stop spaCy's training then; 0 for never")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
