"""What suggestions save people: actions with them and without, over the first 400 documents of a project.

Documents come in random order. The first ten are labelled by hand; then a model of all documents so far makes
suggestions, and it is trained again after 25, 50, 100 and 200. Marking a span by hand takes three actions, to accept or
to reject a suggestion one. `python -m bench.effort`; see docs/models.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench import corpora
from bench.measured import ROOT, run
from bench.systems import PEERS, write

Line = dict[str, Any]
RESULTS = ROOT / "bench" / "results" / "effort.jsonl"
SENTENCES = 9  # of a corpus of sentences, to a document
TRAINED_AFTER = (10, 25, 50, 100, 200)
LAST = 400
MARK, DECIDE = 3, 1  # actions
PRECISION = 0.8  # wished of what is shown


def documents(lines: list[Line]) -> list[Line]:
    """Each nine lines in a row as one document."""
    found = []
    for first in range(0, len(lines) - SENTENCES + 1, SENTENCES):
        text, spans = "", []
        for line in lines[first : first + SENTENCES]:
            text += "\n" if text else ""
            spans += [s | {"start": s["start"] + len(text), "end": s["end"] + len(text)} for s in line["spans"]]
            text += line["text"]
        found.append({"id": f"document-{first}", "text": text, "spans": spans, "classes": {}, "relations": []})
    return found


def simulate(corpus: str, sample: int, system: str) -> dict[str, Any]:
    """Counts of each stretch between two trainings, and the share of actions saved up to its end."""
    pool = documents(corpora.load(corpus).train)
    shown_to_people = corpora.permuted(pool, sample)[:LAST]
    stretches = []
    by_hand = taken = 0
    for first, last in pairwise((0, *TRAINED_AFTER, LAST)):
        stretch = shown_to_people[first:last]
        answers, cost = suggested(system, shown_to_people[:first], stretch, pool) if first else ([], 0.0)
        gold = sum(len(line["spans"]) for line in stretch)
        shown = sum(len(answer["spans"]) for answer in answers)
        right = sum(len(_keys(a) & _keys(line)) for line, a in zip(stretch, answers, strict=False))
        by_hand += MARK * gold
        taken += MARK * (gold - right) + DECIDE * shown
        stretches.append(
            {"to": last, "gold": gold, "shown": shown, "right": right, "cpu": round(cost, 1)}
            | {"saved": round(100 * (1 - taken / by_hand), 1)}
        )
        print(corpus, sample, system, stretches[-1], file=sys.stderr, flush=True)
    return {"corpus": corpus, "sample": sample, "system": system, "stretches": stretches}


def _keys(line: Line) -> set[tuple[int, int, str]]:
    return {(span["start"], span["end"], span["label"]) for span in line["spans"]}


def suggested(system: str, labelled: list[Line], asked: list[Line], pool: list[Line]) -> tuple[list[Line], float]:
    """What a new model shows on the documents asked, and the processor time of its training."""
    with tempfile.TemporaryDirectory(prefix="marginalia-effort-") as name:
        folder = Path(name)
        data = str(write(folder / "data.jsonl", labelled))
        texts = write(folder / "texts.jsonl", [{"id": line["id"], "text": line["text"]} for line in asked])
        model = str(folder / "model")
        if system == "crfsuite":
            peer = [PEERS, "-m", "bench.peers.crfsuite"]
            wish = ["--precision", str(PRECISION)]
            _, cost = run([*peer, "train", "--data", data, "--model-dir", model, *wish])
            answers, _ = run([*peer, "predict", "--model-dir", model], texts)
        else:
            unlabelled = str(write(folder / "pool.jsonl", [{"text": line["text"]} for line in pool]))
            train = [sys.executable, "-m", "trainer.ml", "train", "--data", data, "--model-dir", model, "--quiet"]
            printed, cost = run([*train, "--pool", unlabelled])
            export = json.loads(printed.splitlines()[-1])["export"]
            answers, _ = run([sys.executable, "-m", "bench.suggest", export], texts)
    return [json.loads(line) for line in answers.split("\n") if line], cost.cpu_seconds


def main() -> int:
    """Simulate what is asked for, a line of the results file each."""
    parser = argparse.ArgumentParser(prog="python -m bench.effort", description=__doc__)
    parser.add_argument("--corpora", nargs="+", default=["en_bc5cdr"])
    parser.add_argument("--samples", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--systems", nargs="+", choices=["ours", "crfsuite"], default=["ours", "crfsuite"])
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.results.parent.mkdir(parents=True, exist_ok=True)
    for sample in options.samples:
        for corpus in options.corpora:
            for system in options.systems:
                row = simulate(corpus, sample, system)
                with options.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
