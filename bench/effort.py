"""What suggestions save people: actions with them and without, over the first 400 documents of a project.

Documents come in random order. The first ten are labelled by hand; then a model of all documents so far makes
suggestions, and it is trained again after 25, 50, 100 and 200. Marking a span by hand takes three actions, to accept or
to reject a suggestion one. `desk` is what our models do with the rest of the product: trained as often as there, with
the dictionary before the first, and with what is marked suggested wherever else its words stand in the text.
`python -m bench.effort`; see docs/models.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench import corpora, rows
from bench.helped import Counts, Place, Terms, at_the_desk
from bench.measured import ROOT, run
from bench.models import version
from bench.systems import PEERS, write

Line = dict[str, Any]
RESULTS = ROOT / "bench" / "results" / "effort.jsonl"
SENTENCES = 9  # of a corpus of sentences, to a document
TRAINED_AFTER = (10, 25, 50, 100, 200)
DESK, LAST = "desk", 400
FIRST_RUN, AT_LEAST, MORE = 10, 10, 0.2  # as in trainer/runs.py
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
    """Counts of each stretch between two numbers of documents, and the share of actions saved up to its end."""
    pool = documents(corpora.load(corpus).train)
    shown_to_people = corpora.permuted(pool, sample)[:LAST]
    trained_after = _of_the_product() if system == DESK else list(TRAINED_AFTER)
    stretches: list[dict[str, Any]] = []
    by_hand = taken = 0
    sums, terms, spent = Counter[str](), Terms(), 0.0
    for first, last in pairwise((0, *trained_after, LAST)):
        stretch = shown_to_people[first:last]
        answers, cost = suggested(system, shown_to_people[:first], stretch, pool) if first else (None, 0.0)
        spent += cost
        for row, line in enumerate(stretch):
            spans = answers[row]["spans"] if answers else None
            counts = _helped(line, spans, terms) if system == DESK else _decided(line, spans or [])
            sums.update(counts._asdict() | {"gold": len(line["spans"])})
            by_hand += MARK * len(line["spans"])
            taken += MARK * counts.by_hand + DECIDE * counts.shown
            if (number := first + row + 1) in (*TRAINED_AFTER, LAST):
                told = {key: sums[key] for key in ("gold", "shown", "right", "repeated", "repeated_right")}
                told |= {"cpu": round(spent, 1), "saved": round(100 * (1 - taken / by_hand), 1)}
                stretches.append({"to": number, **told})
                sums, spent = Counter(), 0.0
                print(corpus, sample, system, stretches[-1], file=sys.stderr, flush=True)
    return {"corpus": corpus, "sample": sample, "system": system, "stretches": stretches, "version": version()}


def _of_the_product() -> list[int]:
    """After how many documents the product trains, where each has news."""
    found = [FIRST_RUN]
    while found[-1] < LAST:
        found.append(found[-1] + max(AT_LEAST, int(MORE * found[-1])))
    return found[:-1]


def _decided(line: Line, suggested: list[Line]) -> Counts:
    """What a document takes where nothing else helps."""
    shown, gold = _keys(suggested), _keys(line["spans"])
    right = len(shown & gold)
    return Counts(len(shown), right, 0, 0, len(gold) - right)


def _helped(line: Line, suggested: list[Line] | None, terms: Terms) -> Counts:
    """What it takes at the desk, with what a model suggests, or the dictionary as long as there is none."""
    text, gold = line["text"], _keys(line["spans"])
    counts, turned_down = at_the_desk(text, gold, _keys(terms.suggested(text) if suggested is None else suggested))
    terms.learn(text, gold, turned_down)
    return counts


def _keys(spans: list[Line]) -> set[Place]:
    return {(span["start"], span["end"], span["label"]) for span in spans}


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
    parser.add_argument("--systems", nargs="+", choices=["ours", DESK, "crfsuite"], default=["ours", DESK, "crfsuite"])
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    for sample in options.samples:
        for corpus in options.corpora:
            for system in options.systems:
                row = simulate(corpus, sample, system)
                rows.add(options.results, row)
    return 0


if __name__ == "__main__":
    sys.exit(main())
