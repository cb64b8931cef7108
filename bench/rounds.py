"""What a round of training costs, beside another build in the same run: `python -m bench.rounds`; see docs/models.md.

Of each sample of labelled lines both builds train, each time in a fresh process, to a verified export: before and
after, after and before, so that what else the machine does meets both alike. One model of each answers the test part.
Each sample is a line of the results file. What stands there for the same two builds is not measured again, so a run
that broke off goes on (`--again` measures anew; the last line of a sample counts).

`--before` is a commit, 0.3.0 by default; `--after` the working tree, or a commit, too. A change is measured by itself
with `--before HEAD~1 --lever "folds fitted together"`; the table of levers calls it that.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import corpora, round_tables, scoring
from bench.builds import WORKING_TREE, Build, laid_out
from bench.measured import ROOT, Failed, run
from bench.peers.tokens import kind_for, tokenize
from bench.phases import Others, Phases
from bench.rows import Row, add, read
from bench.systems import write

RESULTS = ROOT / "bench" / "results" / "rounds.jsonl"
RELEASED = "5de96ea"  # 0.3.0
EIGHT = (
    "en_wikigold",
    "en_bc5cdr",
    "en_wnut17",
    "de_legal_ler",
    "zh_weibo",
    "swa_masakhaner",
    "en_banking77",
    "en_semeval10",
)
SIZES = ("20", "50", "200")
LARGE = {"en_bc5cdr": "22000t", "de_legal_ler": "22000t", "swa_masakhaner": "22000t"}


@dataclass(frozen=True)
class Sample:
    """Labelled lines that both builds learn from."""

    corpus: str
    size: str
    sample: int


def main() -> int:
    """Measure what is asked for and not yet known, and print what is known then."""
    options = _options()
    with laid_out(options.before) as before, laid_out(options.after) as after:
        builds = {"before": before, "after": after}
        names = {"before": before.name, "after": after.name, "lever": options.lever}
        names |= {"before_code": before.code, "after_code": after.code}
        known = set() if options.again else {cell(row) for row in read(options.results, cell)}
        for sample in _planned(options):
            if cell(asdict(sample) | names) in known:
                continue
            try:
                row = names | measured(sample, builds, turns=options.turns, tested=options.tested)
            except Failed as failure:
                print(f"{sample}: {failure}", file=sys.stderr, flush=True)
                continue
            add(options.results, row)
            print(round_tables.told(row), file=sys.stderr, flush=True)
    print(round_tables.rounds(round_tables.like(names, read(options.results, cell))))
    return 0


def cell(row: Row) -> Hashable:
    """What a row is of."""
    return tuple(row[key] for key in ("corpus", "size", "sample", "before_code", "after_code", "lever"))


def measured(sample: Sample, builds: dict[str, Build], *, turns: int, tested: int | None) -> Row:
    """Train by both builds, so many times each, and let one model of each answer. Raises `Failed`."""
    corpus = corpora.load(sample.corpus)
    lines = corpus.sample(sample.size, sample.sample)
    test = corpus.test if tested is None else corpora.permuted(corpus.test, corpora.SEED)[:tested]
    kind = kind_for(lines)
    runs, scores = [], {}
    with tempfile.TemporaryDirectory(prefix="marginalia-rounds-") as name:
        folder = Path(name)
        data = write(folder / "data.jsonl", lines)
        pool = write(folder / "pool.jsonl", [{"text": text} for text in corpus.pool("a")])
        asked = write(folder / "asked.jsonl", [corpora.unlabelled(line, corpus.task) for line in test])
        for number, which in enumerate(_turns(turns, sample.sample)):
            export, cost = trained(builds[which], data, pool, folder / f"model-{number}")
            runs.append({"build": which, **cost})
            if which not in scores:
                scores[which] = scoring.score(corpus.task, test, _answers(builds[which], export, asked, corpus.task))
    return {
        **asdict(sample),
        "task": corpus.task,
        "lines": len(lines),
        "tokens": sum(len(tokenize(line["text"], kind)) for line in lines),
        "tested": len(test),
        "runs": runs,
        "scores": {which: {name: round(value, 2) for name, value in of.items()} for which, of in scores.items()},
        "at": time.strftime("%Y-%m-%dT%H:%M:%S"),
    }


def trained(build: Build, data: Path, pool: Path | None, folder: Path) -> tuple[Path, Row]:
    """The export of a fresh process on the code of a build, and what it cost. Raises `Failed`."""
    phases, others = Phases(), Others()
    command = [sys.executable, "-m", "trainer.ml", "train", "--data", str(data), "--model-dir", str(folder)]
    more = ["--pool", str(pool)] if pool else []
    printed, cost = run([*command, *more], root=build.root, listener=phases.listen)
    said = json.loads(printed.splitlines()[-1])
    return Path(said["export"]), {
        "cpu": round(cost.cpu_seconds, 2),
        "wall": round(cost.wall_seconds, 2),
        "peak_mb": round(cost.peak_mb),
        "steps": said.get("steps"),
        "phases": phases.ended(cost.cpu_seconds),
        **others.told(cost.cpu_seconds),
    }


def _answers(build: Build, export: Path, asked: Path, task: str) -> list[Row]:
    given = ["--given-spans"] if task == "relations" else []
    command = [sys.executable, "-m", "trainer.ml", "predict", "--export", str(export), *given]
    printed, _ = run(command, asked, root=build.root)
    return [json.loads(line) for line in printed.split("\n") if line.strip()]


def _turns(count: int, sample: int) -> Iterator[str]:
    """Before and after, after and before, and so on: neither is always the first, also where there is one turn."""
    for turn in range(sample, sample + count):
        yield from ("before", "after") if turn % 2 else ("after", "before")


def _planned(options: argparse.Namespace) -> Iterator[Sample]:
    """All corpora of a sample before the next sample, so that a run that is cut short has seen each."""
    for sample in options.samples:
        for corpus in options.corpora:
            for size in options.sizes or _sizes(corpus):
                if size.isdigit() and int(size) > len(corpora.load(corpus).train):
                    print(f"{corpus} has no {size} lines to train on", file=sys.stderr)
                    continue
                yield Sample(corpus, size, sample)


def _sizes(corpus: str) -> Sequence[str]:
    return (*SIZES, LARGE[corpus]) if corpus in LARGE else SIZES


def _options() -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m bench.rounds", description=__doc__, formatter_class=form)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--before", default=RELEASED, help="a commit; 0.3.0 by default")
    parser.add_argument("--after", default=WORKING_TREE, help="a commit, or . for the working tree, the default")
    parser.add_argument("--lever", default="", help="what the difference between the two is called in tables")
    parser.add_argument("--corpora", nargs="+", default=list(EIGHT), help="names, or train.jsonl:test.jsonl")
    parser.add_argument("--sizes", nargs="+", help="lines (200), tokens (22000t) or all")
    parser.add_argument("--samples", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--turns", type=int, default=2, help="trainings of each build and sample")
    parser.add_argument("--tested", type=int, help="lines of the test part to answer at most; by default all")
    parser.add_argument("--again", action="store_true", help="measure what is known, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
