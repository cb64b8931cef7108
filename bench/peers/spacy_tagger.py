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
from spacy.vocab import Vocab

from bench.peers import tokens as tk
from bench.peers.command import Line, run

HELD_OUT = 0.125  # of the labelled lines, for early stopping: its users must, too


class OutOfTime(Exception):
    """The processor time allowed is used up."""


class NoLongerBetter(Exception):
    """The lines held out were answered best some time ago."""


class Tokenizer:
    """The tokens that all peers get. Training tokenizes again, so the pipeline must have them, too."""

    def __init__(self, vocab: Vocab, kind: str) -> None:
        self.vocab, self.kind = vocab, kind

    def __call__(self, text: str) -> Doc:
        tokens = tk.tokenize(text, self.kind)
        ends = [*(start for start, _ in tokens[1:]), len(text)]
        spaces = [after > end for (_, end), after in zip(tokens, ends, strict=False)]
        return Doc(self.vocab, words=[text[start:end] for start, end in tokens], spaces=spaces)

    def to_disk(self, _path: Path, **_options: Any) -> None:
        """Nothing: the kind is in the pipeline's configuration."""

    def from_disk(self, _path: Path, **_options: Any) -> Tokenizer:
        """The same."""
        return self


@spacy.registry.tokenizers("bench.tokens.v1")
def tokenizer_of_kind(kind: str) -> Callable[[Language], Tokenizer]:
    """For the pipeline's configuration."""
    return lambda nlp: Tokenizer(nlp.vocab, kind)


def train(lines: list[Line], model_dir: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train as `spacy train` does, and keep the model that was best on the lines held out."""
    kind = tk.kind_for(lines)
    shuffled = random.Random(0).sample(lines, len(lines))
    held = max(1, round(HELD_OUT * len(lines)))
    tokenizer = Tokenizer(Vocab(), kind)
    for name, part in (("dev", shuffled[:held]), ("train", shuffled[held:])):
        DocBin(docs=[_labelled(tokenizer, line) for line in part]).to_disk(model_dir / f"{name}.spacy")
    about = {"tokens": kind, "capped": _fit(model_dir, kind, len(lines), options.seconds)}
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
    for line, found, doc in zip(lines, tokens, nlp.pipe(line["text"] for line in lines), strict=True):
        spans = [{"start": found[e.start][0], "end": found[e.end - 1][1], "label": e.label_} for e in doc.ents]
        yield {"id": line.get("id"), "spans": spans}


def _fit(model_dir: Path, kind: str, count: int, seconds: float | None) -> bool:
    """Whether time ran out before the recogniser stopped improving."""
    config = init_config(lang="xx", pipeline=["ner"], optimize="efficiency")
    steps, patience, every = (1200, 400, 50) if count <= 60 else (2500, 600, 100) if count < 3000 else (8000, 1200, 200)
    if tk.is_by_character(kind):
        patience = steps  # the few lines held out judge so badly here that it would give up too early
    config["training"] |= {"max_steps": steps, "patience": 0, "eval_frequency": every}
    config["training"]["logger"] = {"@loggers": "bench.stops.v1", "seconds": seconds, "patience": patience}
    config["nlp"]["tokenizer"] = {"@tokenizers": "bench.tokens.v1", "kind": kind}
    config["paths"] |= {name: str(model_dir / f"{name}.spacy") for name in ("train", "dev")}
    try:
        train_loop(init_nlp(config), model_dir)
    except OutOfTime:
        return True
    except NoLongerBetter:
        return False
    return False


@spacy.registry.loggers("bench.stops.v1")
def stops(seconds: float | None, patience: int) -> Callable[..., Any]:
    """Logs nothing, and ends training when it no longer helps or the process has used so many seconds.

    spaCy's own patience begins with the first step, and gives up on what is slow to find anything at all. This one
    begins when something was found.
    """

    def set_up(_nlp: Language, *_streams: Any) -> tuple[Callable[[Any], None], Callable[[], None]]:
        checkpoints: list[tuple[float, int]] = []

        def step(info: dict[str, Any] | None) -> None:
            # The best model so far is saved right after it was measured, so there is one from the next step on.
            if checkpoints and info is None:
                if seconds is not None and time.process_time() > seconds:
                    raise OutOfTime
                best, at = max(checkpoints, key=lambda checkpoint: (checkpoint[0], -checkpoint[1]))
                if best > 0 and checkpoints[-1][1] - at >= patience:
                    raise NoLongerBetter
            if info is not None:
                checkpoints[:] = info["checkpoints"]

        return step, lambda: None

    return set_up


def _labelled(tokenizer: Tokenizer, line: Line) -> Doc:
    doc = tokenizer(line["text"])
    found = tk.chunks(tk.bio(tk.tokenize(line["text"], tokenizer.kind), line["spans"]))
    doc.set_ents([Span(doc, first, last + 1, label) for first, last, label in found], default="outside")
    return doc


if __name__ == "__main__":
    sys.exit(run(train, predict))
