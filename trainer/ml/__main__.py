"""The library from a shell: `python -m trainer.ml train|evaluate|predict|export|encoder`, JSON lines in and out."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.ml.garbage import look_rarely

if TYPE_CHECKING:
    from trainer.ml.predictor import Predictor
    from trainer.ml.states import Encoding

_BATCH = 256


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what is wrong with the data goes to stderr as one line."""
    # Before TensorFlow and NumPy are imported: no greetings on stderr, the same sums in every run, and no threads that
    # spin while TensorFlow's own are at work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    options = _parser().parse_args(arguments)
    look_rarely()
    try:
        options.run(options)
    except (OSError, ValueError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer.ml", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="learn from labelled lines; prints a JSON object last")
    train.add_argument("--data", type=Path, required=True)
    train.add_argument("--model-dir", type=Path, required=True)
    train.add_argument("--pool", type=Path, help="unlabelled texts of the same kind, a JSON object with `text` a line")
    train.add_argument(
        "--previous", type=Path, help="an export whose graph the new one takes if its labels are the same"
    )
    _takes_encoder(train, "a folder with a text encoder (docs/operators.md), whose states join the word vectors")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--quiet", action="store_true", help="no progress on stderr")
    train.set_defaults(run=_train)
    evaluate = commands.add_parser("evaluate", help="score an export on labelled lines")
    evaluate.add_argument("--export", type=Path, required=True)
    evaluate.add_argument("--data", type=Path, required=True)
    _takes_encoder(evaluate, "the encoder that the export was trained with")
    evaluate.set_defaults(run=_evaluate)
    predict = commands.add_parser("predict", help="answer texts, one JSON object with `text` a line, from stdin")
    predict.add_argument("--export", type=Path, required=True)
    predict.add_argument(
        "--given-spans", action="store_true", help="answer with the relations between the `spans` of each line"
    )
    _takes_encoder(predict, "the encoder that the export was trained with")
    predict.set_defaults(run=_predict)
    export = commands.add_parser("export", help="copy an export into another directory, named by the time")
    export.add_argument("--export", type=Path, required=True)
    export.add_argument("--to", type=Path, required=True)
    export.set_defaults(run=_export)
    encoder = commands.add_parser("encoder", help="see whether a folder holds an encoder, and how it cuts a text")
    encoder.add_argument("folder", type=Path)
    encoder.add_argument("--text", default="Ada Lovelace wrote to Mr. Babbage.")
    encoder.set_defaults(run=_encoder)
    return parser


def _takes_encoder(parser: argparse.ArgumentParser, told: str) -> None:
    parser.add_argument("--encoder", type=Path, help=told)


def _encoding(options: argparse.Namespace) -> "Encoding | None":
    from trainer.ml.states import Encoding

    return Encoding(options.encoder) if options.encoder else None


def _train(options: argparse.Namespace) -> None:
    from trainer.ml.training import train

    def show(progress: dict[str, Any]) -> None:
        print(json.dumps(progress), file=sys.stderr)

    tell = None if options.quiet else show
    found = train(
        options.data,
        options.model_dir,
        pool=options.pool,
        seed=options.seed,
        previous=options.previous,
        encoding=_encoding(options),
        on_progress=tell,
    )
    _put(found)


def _evaluate(options: argparse.Namespace) -> None:
    from trainer.ml.evaluation import evaluate_examples
    from trainer.ml.examples import read
    from trainer.ml.metrics import bootstrap_interval
    from trainer.ml.predictor import load

    found = evaluate_examples(load(options.export, encoding=_encoding(options)), read(options.data))
    interval = bootstrap_interval(found.pop("documents"))
    _put({**found, "interval": interval})


def _predict(options: argparse.Namespace) -> None:
    from trainer.ml.predictor import load

    predictor = load(options.export, encoding=_encoding(options))
    answers = _related if options.given_spans else _answered
    lines = _lines()
    while batch := list(islice(lines, _BATCH)):
        for line, answer in zip(batch, answers(predictor, batch), strict=True):
            _put({"id": line["id"], **answer})


def _answered(predictor: "Predictor", lines: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    from trainer.ml.predictor import DOUBTS, classes_of

    for answer in predictor([line["text"] for line in lines]):
        yield {
            "spans": answer["spans"],
            "relations": answer["relations"],
            "choices": classes_of(answer, predictor.schema),
            "scores": answer["choices"],
            **{name: answer[name] for name in DOUBTS if name in answer},
        }


def _related(predictor: "Predictor", lines: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    from trainer.ml.examples import parse

    spans = [[vars(span) for span in parse(line).spans] for line in lines]
    for given, relations in zip(spans, predictor.relations([line["text"] for line in lines], spans), strict=True):
        yield {"spans": given, "relations": relations}


def _export(options: argparse.Namespace) -> None:
    from trainer.ml.estimator import publish_copy
    from trainer.ml.predictor import Predictor

    Predictor(options.export)
    _put({"export": str(publish_copy(options.export, options.to))})


def _encoder(options: argparse.Namespace) -> None:
    from trainer.ml.encoder import Encoder

    encoder, text = Encoder(options.folder), options.text
    found = encoder.encode([text])
    pieces = [text[start:end] for start, end in zip(found.start, found.end, strict=True)]
    _put({"fingerprint": encoder.fingerprint, "width": encoder.width, "pieces": pieces})


def _lines() -> Iterator[dict[str, Any]]:
    from trainer.ml.examples import objects

    for number, given in objects(sys.stdin.buffer):
        if not isinstance(given, dict) or not isinstance(given.get("text"), str):
            raise ValueError(f"line {number}: text: missing or not a string")
        yield given | {"id": str(given.get("id", f"line-{number}"))}


def _put(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # nothing is left to do, and to take TensorFlow down properly takes a second
