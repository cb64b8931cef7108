"""Where the processor time of one round goes, by build: `python -m bench.profiling`, and as a picture, `--draw FILE`.

Each training is sampled in a fresh process (`bench/sampling.py`). What stands in the results file for the same code is
not measured again; the picture shows the builds that were measured last.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Hashable, Sequence
from pathlib import Path

from bench import corpora
from bench.bars import Bar, drawn
from bench.builds import WORKING_TREE, Build, laid_out
from bench.measured import ROOT, Failed, run
from bench.model_tables import head, line, order
from bench.phases import Others
from bench.rounds import RELEASED
from bench.rows import NOTHING, Row, add, read
from bench.sampling import OTHER, PARTS
from bench.systems import write

RESULTS = ROOT / "bench" / "results" / "profile.jsonl"
END = "end of the process"
SIZES = ("50", "22000t")


def main() -> int:
    """Sample what is asked for and not yet known, and draw what is known then."""
    options = _options()
    for commit in options.builds:
        with laid_out(commit) as build:
            for size in options.sizes:
                wanted = {"corpus": options.corpus, "size": size, "code": build.code}
                known = {cell(row) for row in read(options.results, cell)}
                if cell(wanted) in known and not options.again:
                    continue
                try:
                    row = wanted | {"build": build.name} | sampled(build, options.corpus, size)
                except Failed as failure:
                    print(f"{build.name} {size}: {failure}", file=sys.stderr, flush=True)
                    continue
                add(options.results, row)
                print(json.dumps(row), file=sys.stderr, flush=True)
    if options.draw:
        options.draw.write_text(picture(read(options.results, cell)), encoding="utf-8")
    return 0


def cell(row: Row) -> Hashable:
    """What a row is of."""
    return row["corpus"], row["size"], row["code"]


def sampled(build: Build, corpus_name: str, size: str) -> Row:
    """CPU seconds by part of one training. Raises `Failed`."""
    corpus = corpora.load(corpus_name)
    others = Others()
    with tempfile.TemporaryDirectory(prefix="marginalia-profile-") as name:
        folder = Path(name)
        data = write(folder / "data.jsonl", corpus.sample(size, 1))
        pool = write(folder / "pool.jsonl", [{"text": text} for text in corpus.pool("a")])
        train = ["train", "--data", str(data), "--pool", str(pool), "--model-dir", str(folder / "model"), "--quiet"]
        sampler = [sys.executable, "-P", str(ROOT / "bench" / "sampling.py"), str(folder / "seen.json")]
        printed, cost = run([*sampler, *train], root=build.root)
        seen = json.loads((folder / "seen.json").read_text(encoding="utf-8"))
    seconds = seen["seconds"] | {END: cost.cpu_seconds - sum(seen["seconds"].values())}
    return {
        "cpu": round(cost.cpu_seconds, 2),
        "parts": {part: round(value, 2) for part, value in seconds.items()},
        "unknown": [[function, round(value, 2)] for function, value in seen["unknown"]],
        "steps": json.loads(printed.splitlines()[-1]).get("steps"),
        **others.told(cost.cpu_seconds),
        "at": time.strftime("%Y-%m-%dT%H:%M:%S"),
    }


def picture(rows: Sequence[Row]) -> str:
    """SVG: a bar for each build and size, parts in the order in which they come about."""
    bars = []
    for row in _newest(rows):
        parts = {part: row["parts"].get(part, 0.0) for part in SHOWN}
        bars.append(Bar(f"{row['corpus']}, {_amount(row['size'])}", _called(row), parts))
    return drawn("CPU seconds of one round, from a fresh process to a checked export", bars)


def table(rows: Sequence[Row]) -> str:
    """The same as figures."""
    if not rows:
        return NOTHING
    lines = [head(["sample", "build", *SHOWN, "all", "number of steps", "load"])]
    for row in _newest(rows):
        parts = [f"{row['parts'].get(part, 0.0):.1f}" for part in SHOWN]
        what = f"{row['corpus']}, {_amount(row['size'])}"
        lines.append(line([what, _called(row), *parts, f"{row['cpu']:.1f}", str(row["steps"]), f"{row['load']:.1f}"]))
    return "\n".join(lines)


def _newest(rows: Sequence[Row]) -> list[Row]:
    """Of each sample the release, and the build that was measured last."""
    found: dict[tuple[str, str, bool], Row] = {}
    for row in sorted(rows, key=lambda row: row["at"]):
        found[row["corpus"], row["size"], row["build"] == RELEASED] = row
    return sorted(found.values(), key=lambda row: (row["corpus"], order(row["size"]), row["build"] != RELEASED))


SHOWN = (
    "imports",
    "reading",
    "word vectors",
    "tracing",
    "steps",
    "second opinions",
    "answers out of fold",
    "calibration, scores",
    "export",
    "check of the export",
    OTHER,
    END,
)
assert set(SHOWN) == {*PARTS, OTHER, END}


def _amount(size: str) -> str:
    return f"{int(size[:-1]):,} tokens" if size.endswith("t") else f"{size} lines"


def _called(row: Row) -> str:
    return "0.3.0" if row["build"] == RELEASED else str(row["build"])


def _options() -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m bench.profiling", description=__doc__, formatter_class=form)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--builds", nargs="*", default=[RELEASED, WORKING_TREE], help="commits, or . as it is here")
    parser.add_argument("--corpus", default="en_bc5cdr")
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), help="lines (200), tokens (22000t) or all")
    parser.add_argument("--draw", type=Path, metavar="FILE", help="also write a picture of all that is known, as SVG")
    parser.add_argument("--again", action="store_true", help="measure what is known, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
