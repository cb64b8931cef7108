"""CRFsuite with hand-made features of words or of characters, fitted by L-BFGS."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pycrfsuite

from bench.peers import tokens as tk
from bench.peers.command import Line, run

FOLDS = 5
_PARAMETERS = {"c1": 0.1, "c2": 0.1, "max_iterations": 100, "feature.possible_transitions": True}


def train(lines: list[Line], model_dir: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Fit one model; with a wished precision, also find the threshold that gave it in cross-validation."""
    kind = tk.kind_for(lines)
    about: dict[str, Any] = {"tokens": kind}
    if options.precision:
        about["threshold"] = _threshold(lines, kind, model_dir, options.precision)
    _fit(lines, kind, model_dir / "crf.bin")
    (model_dir / "about.json").write_text(json.dumps(about), encoding="utf-8")
    return about


def predict(lines: list[Line], model_dir: Path) -> Iterator[Line]:
    """Spans with a score each: the least sure of their tags, or that they end where they do."""
    about = json.loads((model_dir / "about.json").read_text(encoding="utf-8"))
    return _tag(lines, about["tokens"], model_dir / "crf.bin", about.get("threshold", 0.0))


def _fit(lines: Sequence[Line], kind: str, path: Path) -> None:
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params(_PARAMETERS)
    for line in lines:
        for sentence in tk.sentences(line["text"], tk.tokenize(line["text"], kind)):
            trainer.append(_features(line["text"], sentence, kind), tk.bio(sentence, line["spans"]))
    trainer.train(str(path))


def _tag(lines: Sequence[Line], kind: str, path: Path, threshold: float = 0.0) -> Iterator[Line]:
    tagger = pycrfsuite.Tagger()
    tagger.open(str(path))
    inside = {label[2:] for label in tagger.labels() if label.startswith("I-")}
    for line in lines:
        spans = []
        for sentence in tk.sentences(line["text"], tk.tokenize(line["text"], kind)):
            tags = tagger.tag(_features(line["text"], sentence, kind))
            for first, last, label in tk.chunks(tags):
                sure = [tagger.marginal(tags[at], at) for at in range(first, last + 1)]
                if last + 1 < len(sentence) and label in inside:
                    sure.append(1.0 - tagger.marginal("I-" + label, last + 1))
                span = {"start": sentence[first][0], "end": sentence[last][1], "label": label, "score": min(sure)}
                spans += [span] if span["score"] >= threshold else []
        yield {"id": line.get("id"), "spans": spans}


def _threshold(lines: Sequence[Line], kind: str, model_dir: Path, precision: float) -> float:
    """The lowest score with which spans of models that had not seen their document were right often enough."""
    events: list[tuple[float, bool]] = []
    for fold in range(FOLDS):
        held = lines[fold::FOLDS]
        path = model_dir / "fold.bin"
        _fit([line for number, line in enumerate(lines) if number % FOLDS != fold], kind, path)
        for line, answer in zip(held, _tag(held, kind, path), strict=True):
            gold = {(span["start"], span["end"], span["label"]) for span in line["spans"]}
            events += [(s["score"], (s["start"], s["end"], s["label"]) in gold) for s in answer["spans"]]
        path.unlink()
    events.sort(reverse=True)
    right, found = 0, 1.01
    for number, (score, was_right) in enumerate(events, start=1):
        right += was_right
        found = score if right / number >= precision else found
    return found


def _features(text: str, sentence: Sequence[tk.Token], kind: str) -> list[list[str]]:
    words = [text[start:end] for start, end in sentence]
    return _of_characters(words) if tk.is_by_character(kind) else _of_words(words)


def _of_words(words: Sequence[str]) -> list[list[str]]:
    lower = [word.lower() for word in words]
    around = [_seen_from_afar(word) for word in words]
    rows = []
    for at, word in enumerate(words):
        row = ["bias", "w=" + lower[at], "shape=" + _shape(word), *_flags(word)]
        row += [f"p{n}={lower[at][:n]}" for n in (2, 3, 4)] + [f"s{n}={lower[at][-n:]}" for n in (2, 3, 4)]
        for step in (-2, -1, 1, 2):
            if 0 <= at + step < len(words):
                row += [f"{step}:{feature}" for feature in around[at + step]]
            else:
                row.append(f"{step}:edge")
        if at:
            row.append(f"-1+0={lower[at - 1]}|{lower[at]}")
        if at + 1 < len(words):
            row.append(f"0+1={lower[at]}|{lower[at + 1]}")
        rows.append(row)
    return rows


def _seen_from_afar(word: str) -> list[str]:
    lower = word.lower()
    return ["w=" + lower, "shape=" + _shape(word), "s3=" + lower[-3:], *_flags(word)]


def _flags(word: str) -> list[str]:
    flags = {
        "title": word.istitle(),
        "upper": word.isupper(),
        "digits": word.isdigit(),
        "digit": any(c.isdigit() for c in word),
        "hyphen": "-" in word,
        "punctuation": not any(c.isalnum() for c in word),
    }
    return [name for name, holds in flags.items() if holds]


def _shape(word: str) -> str:
    """Each run of capitals, of other letters and of digits by one character."""
    runs = ["X" if c.isupper() else "x" if c.isalpha() else "d" if c.isdigit() else c for c in word]
    return "".join(c for at, c in enumerate(runs) if not at or runs[at - 1] != c)


def _of_characters(words: Sequence[str]) -> list[list[str]]:
    padded = ["<"] * 3 + [word.lower() for word in words] + [">"] * 3
    kinds = [_kind(word) for word in padded]
    rows = []
    for at in range(3, len(padded) - 3):
        row = ["bias", "five=" + "".join(kinds[at - 2 : at + 3])]
        row += [f"{step}:{padded[at + step]}" for step in range(-3, 4)]
        row += [f"{step}:kind={kinds[at + step]}" for step in range(-3, 4)]
        row += [f"{step}:two={'|'.join(padded[at + step : at + step + 2])}" for step in range(-2, 2)]
        row += [f"{step}:three={'|'.join(padded[at + step : at + step + 3])}" for step in range(-2, 1)]
        rows.append(row)
    return rows


def _kind(word: str) -> str:
    first = word[0]
    if len(word) > 1 or first.isascii():
        return "d" if first.isdigit() else "a" if first.isalpha() else first
    if "\u3040" <= first <= "\u309f":
        return "h"
    if "\u30a0" <= first <= "\u30ff":
        return "k"
    return "c" if first.isalpha() else "d" if first.isdigit() else "p"


if __name__ == "__main__":
    sys.exit(run(train, predict))
