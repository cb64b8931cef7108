"""spaCy's named entity recogniser: the blank pipeline of its efficiency preset, without vectors."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import spacy
from spacy.cli.init_config import init_config
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_loop

from bench.peers import tokens as tk
from bench.peers.command import Line, run

HELD_OUT = 0.125  # of the labelled lines, for early stopping: its users must, too


class OutOfTime(Exception):
    """The processor time allowed is used up."""


def train(lines: list[Line], model_dir: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train as `spacy train` does, and keep the model that was best on the lines held out."""
    kind = tk.kind_for(lines)
    shuffled = random.Random(0).sample(lines, len(lines))
    held = max(1, round(HELD_OUT * len(lines)))
    nlp = spacy.blank("xx")
    for name, part in (("dev", shuffled[:held]), ("train", shuffled[held:])):
        DocBin(docs=[_labelled(nlp, line, kind) for line in part]).to_disk(model_dir / f"{name}.spacy")
    about = {"tokens": kind, "capped": _fit(model_dir, len(lines), options.seconds)}
    for name in ("dev.spacy", "train.spacy", "model-last"):
        path = model_dir / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    (model_dir / "about.json").write_text(json.dumps(about), encoding="utf-8")
    return about


def predict(lines: list[Line], model_dir: Path) -> Iterator[Line]:
    """Spans without a score: this recogniser has none."""
    kind = json.loads((model_dir / "about.json").read_text(encoding="utf-8"))["tokens"]
    nlp = spacy.load(model_dir / "model-best")
    tokens = [tk.tokenize(line["text"], kind) for line in lines]
    docs = (_doc(nlp, line["text"], found) for line, found in zip(lines, tokens, strict=True))
    for line, found, doc in zip(lines, tokens, nlp.pipe(docs), strict=True):
        spans = [{"start": found[e.start][0], "end": found[e.end - 1][1], "label": e.label_} for e in doc.ents]
        yield {"id": line.get("id"), "spans": spans}


def _fit(model_dir: Path, count: int, seconds: float | None) -> bool:
    """Whether time ran out before the recogniser stopped improving."""
    config = init_config(lang="xx", pipeline=["ner"], optimize="efficiency")
    steps, patience, every = (1200, 400, 50) if count <= 60 else (2500, 600, 100) if count < 3000 else (8000, 1200, 200)
    config["training"] |= {"max_steps": steps, "patience": patience, "eval_frequency": every}
    config["training"]["logger"] = {"@loggers": "bench.stops.v1", "seconds": seconds}
    config["paths"] |= {name: str(model_dir / f"{name}.spacy") for name in ("train", "dev")}
    try:
        train_loop(init_nlp(config), model_dir)
    except OutOfTime:
        return True
    return False


@spacy.registry.loggers("bench.stops.v1")
def stops(seconds: float | None) -> Callable[..., Any]:
    """Logs nothing, and ends training when the process has used so many seconds."""

    def set_up(_nlp: Language, *_streams: Any) -> tuple[Callable[[Any], None], Callable[[], None]]:
        measured = False

        def step(info: dict[str, Any] | None) -> None:
            # The best model so far is saved right after it was measured, so there is one from the next step on.
            nonlocal measured
            if measured and seconds is not None and time.process_time() > seconds:
                raise OutOfTime
            measured |= info is not None

        return step, lambda: None

    return set_up


def _doc(nlp: Language, text: str, tokens: list[tk.Token]) -> Doc:
    ends = [*(start for start, _ in tokens[1:]), len(text)]
    spaces = [after > end for (_, end), after in zip(tokens, ends, strict=False)]
    return Doc(nlp.vocab, words=[text[start:end] for start, end in tokens], spaces=spaces)


def _labelled(nlp: Language, line: Line, kind: str) -> Doc:
    tokens = tk.tokenize(line["text"], kind)
    doc = _doc(nlp, line["text"], tokens)
    found = tk.chunks(tk.bio(tokens, line["spans"]))
    doc.set_ents([Span(doc, first, last + 1, label) for first, last, label in found], default="outside")
    return doc


if __name__ == "__main__":
    sys.exit(run(train, predict))
