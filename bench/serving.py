"""What a hot export costs: `python -m bench.serving` trains one and asks it in a process of its own.

Documents are test sentences put together until they have 1,150 characters. Times are processor time of all threads; the
tokenizer is in the graph, so a text goes in as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from bench import corpora
from bench.figures import Figure, as_json, table
from bench.measured import megabytes, run
from bench.systems import write

CHARACTERS = 1150
CALLS = 100
BATCH = 64


def main() -> int:
    """Train on a sample of a corpus and print the figures of its export."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description=__doc__)
    parser.add_argument("--corpus", default="en_bc5cdr")
    parser.add_argument("--size", default="22000t", help="labelled lines or tokens, as for bench.models")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--export", help=argparse.SUPPRESS)  # the process that asks
    options = parser.parse_args()
    corpus = corpora.load(options.corpus)
    if options.export:
        found = measure(Path(options.export), documents([line["text"] for line in corpus.test]))
        print(json.dumps([vars(figure) for figure in found]))
        return 0
    with tempfile.TemporaryDirectory(prefix="marginalia-serving-") as name:
        folder = Path(name)
        data = write(folder / "data.jsonl", corpus.sample(options.size, 1))
        pool = write(folder / "pool.jsonl", [{"text": text} for text in corpus.pool("a")])
        train = [sys.executable, "-m", "trainer.ml", "train", "--data", str(data), "--pool", str(pool), "--quiet"]
        printed, _ = run([*train, "--model-dir", str(folder / "model")])
        export = json.loads(printed.splitlines()[-1])["export"]
        asked = [sys.executable, "-m", "bench.serving", "--corpus", options.corpus, "--export", export]
        figures = [Figure(**figure) for figure in json.loads(run(asked)[0].splitlines()[-1])]
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps(as_json(figures), indent=1) + "\n", encoding="utf-8")
    return 0


def documents(texts: Sequence[str]) -> list[str]:
    """Texts put together to documents of the wanted length, or a little more."""
    found = [""]
    for text in texts:
        if len(found[-1]) >= CHARACTERS:
            found.append("")
        found[-1] += ("\n" if found[-1] else "") + text
    return found[:-1]


def measure(export: Path, texts: Sequence[str]) -> list[Figure]:
    """Loading, the first call, and then calls with one and with 64 documents."""
    # Before TensorFlow is imported; as in the workers.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    began = process_time()
    from trainer.ml.predictor import load

    imported = process_time()
    predictor = load(export)
    loaded = process_time()
    predictor(texts[:1])
    first = process_time()
    raw, compressed = megabytes(export)
    one, one_wall = _each(lambda at: predictor([texts[at % len(texts)]]), CALLS)
    several = [texts[at % len(texts)] for at in range(BATCH)]
    many, _ = _each(lambda _: predictor(several), CALLS // 10)
    length = sum(map(len, texts)) / len(texts)
    return [
        Figure("import", imported - began, "CPU s"),
        Figure("load", loaded - imported, "CPU s", 0.5),
        Figure("first call", first - loaded, "CPU s"),
        Figure(f"one document of {length:.0f} characters", 1000 * one, "CPU ms", 8, note=f"median of {CALLS}"),
        Figure("the same by the clock", 1000 * one_wall, "ms", note=f"median of {CALLS}"),
        Figure("64 documents, each", 1000 * many / BATCH, "CPU ms", 2, note=f"median of {CALLS // 10}"),
        Figure("export", raw, "MB"),
        Figure("export, compressed", compressed, "MB", 10),
    ]


def _each(ask: Callable[[int], object], times: int) -> tuple[float, float]:
    """Medians of processor time and of time on the clock, after some calls to warm up."""
    taken = []
    for at in range(times + 3):
        cpu, wall = process_time(), perf_counter()
        ask(at)
        taken.append((process_time() - cpu, perf_counter() - wall))
    cpus, walls = zip(*taken[3:], strict=True)
    return median(cpus), median(walls)


if __name__ == "__main__":
    sys.exit(main())
