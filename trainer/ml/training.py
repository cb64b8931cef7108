"""Training as the product and the command line call it: labelled lines in, a verified export out."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trainer.ml import calibration as cal
from trainer.ml import examples as ex
from trainer.ml.batches import batch_of
from trainer.ml.evaluation import evaluate_examples, score_answers
from trainer.ml.examples import Example
from trainer.ml.exporting import export
from trainer.ml.fitting import Fit, Progress
from trainer.ml.heads.choices import targets
from trainer.ml.metrics import bootstrap_interval
from trainer.ml.pool import read as read_pool
from trainer.ml.predictor import Graphs, Predictor, load, ranked
from trainer.ml.round import Round
from trainer.ml.schema import NothingToLearn, Question, Schema
from trainer.ml.serving import sources
from trainer.ml.states import Encoding
from trainer.ml.traced import Traced


def train(
    data: Path,
    model_dir: Path,
    *,
    pool: Path | None = None,
    cache: Path | None = None,
    seed: int = 0,
    schema: Mapping[str, Any] | None = None,
    previous: Path | None = None,
    graphs: Graphs | None = None,
    traced: Traced | None = None,
    encoding: Encoding | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Train on labelled lines and export to `model_dir/export/<number>/`.

    `pool` holds unlabelled texts of the same kind, as lines with a `text`: word vectors are learnt from them,
    and kept in the file `cache` for the next training of the same project.
    A `previous` export of the project, which has to be as it was published, lends its graph if it has the same labels.
    `graphs` are those that the caller has loaded for this project, and wants to find again; `traced` is what its last
    training has traced.
    With an `encoding`, what an operator's encoder says of words joins what is learnt of them here; the export then
    answers only with the same encoder.
    Lines marked `"split": "check"` are only measured on. Where none is, what is measured are answers out of fold:
    each of a model that had not learnt from the document. A call that was killed can be repeated: it goes on from
    its last checkpoint. `on_progress` may raise to cancel. One call at a time may use a `model_dir`.
    """
    began = time.monotonic()
    tell = on_progress or (lambda _: None)
    tell({"phase": "prepare"})
    lines = ex.read(data)
    texts = read_pool(pool, seed) if pool else []
    round_ = Round.of(lines, Schema.from_dict(schema) if schema is not None else None)
    about = [sources(), round_.schema.to_dict(), *([encoding.encoder.fingerprint] if encoding else []), *texts]
    work = _workplace(model_dir, data, seed, about)

    def prepare() -> None:
        tell({"phase": "prepare", "examples": len(round_.seen)})

    prepare()
    given: dict[str, Any] = {"pool": texts, "cache": cache, "encoding": encoding, "between": prepare}
    batch = batch_of(round_.seen, round_.columns, round_.tokenizer, learnt=round_.schema, **given)
    if round_.schema.spans and not batch.labels["tags"].any() and not round_.schema.questions:
        raise NothingToLearn("no labelled span lies on the edges of words, and there is no question")
    fit = Fit(work, round_, batch, tell, traced)
    try:
        answered, weights = fit.run(), fit.weights()
    finally:
        fit.estimator.empty()
    tell({"phase": "export"})
    known = _calibration(round_, answered)
    params = replace(fit.whole, calibration=known)
    loaded: dict[str, Any] = {"graphs": graphs or Graphs(), "encoding": encoding}
    written = export(params, weights, round_, model_dir / "export", seed=seed, previous=previous, **loaded)
    if round_.held:
        tell({"phase": "evaluate", "documents": len(round_.held)})
    exported = partial(load, written, **loaded)
    metrics = _measure(round_, exported, _as_exported(round_, answered, known)) | known.to_dict()
    shutil.rmtree(work, ignore_errors=True)
    left_out = {key: getattr(batch.tagging, key) for key in ("off_edges", "overlapping", "across")}
    left_out["relations"] = batch.relations_left_out
    return {
        "examples": len(round_.seen),
        "held_out": len(round_.held) if round_.held else len(answered),
        "steps": sum(fit.params.phases),
        "seconds": round(time.monotonic() - began, 3),
        "metrics": {**metrics, "not_learnt": round_.reasons, "spans_left_out": left_out},
        "export": str(written),
    }


def _workplace(model_dir: Path, data: Path, seed: int, about: Sequence[Any]) -> Path:
    """The directory for this very training, so that a repeated call resumes it and another one starts afresh: so does
    one that another version began, whose checkpoints are of other variables.
    """
    told = json.dumps([seed, *about])
    mark = hashlib.sha256(data.read_bytes() + told.encode()).hexdigest()[:16]
    base = model_dir / "work"
    for other in base.glob("*"):
        if other.name != mark:
            shutil.rmtree(other, ignore_errors=True)
    for unfinished in (model_dir / "export").glob(".unfinished-*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    (base / mark).mkdir(parents=True, exist_ok=True)
    return base / mark


def _measure(
    round_: Round, exported: Callable[[], Predictor], answered: Mapping[int, dict[str, Any]]
) -> dict[str, Any]:
    """Scores on the documents that are held out or, where none is, on the answers out of fold."""
    if round_.held:
        found = evaluate_examples(exported(), round_.held)
    elif answered:
        examples, answers = [round_.seen[row] for row in answered], list(answered.values())
        given = [answer["given"] for answer in answers] if round_.schema.relations else None
        found = score_answers(examples, answers, round_.schema, given)
    else:
        return {"spans": None, "questions": {}}
    interval = bootstrap_interval(found.pop("documents"))
    return {**found, "interval": interval}


def _calibration(round_: Round, answered: Mapping[int, dict[str, Any]]) -> cal.Calibration:
    """What the answers out of fold say of scores like theirs."""
    if not answered:
        return cal.Calibration()
    examples, answers = [round_.seen[row] for row in answered], list(answered.values())
    labels = round_.schema.spans
    spans = None
    if labels:
        spans = cal.by_label(cal.judged(examples, [answer["spans"] for answer in answers], labels), labels)
    questions = {}
    for question in round_.schema.questions:
        asked, target = _asked(examples, question)
        shares = np.array([answers[row]["shares"][question.name] for row in asked])
        fit = cal.several_choices if question.multiple else cal.single_choice
        if len(asked):
            questions[question.name] = fit(shares, target)
    related = round_.schema.relations
    relations, among_given = _related(related, examples, answers)
    return cal.Calibration(spans, questions, relations, labels, related, given=among_given)


def _asked(examples: Sequence[Example], question: Question) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the examples that answer a question, and their answers as shares of its choices [n, C]."""
    target, given = targets(examples, question)
    asked = np.flatnonzero(given[:-1])
    return asked, target[asked]


def _as_exported(
    round_: Round, answered: Mapping[int, dict[str, Any]], known: cal.Calibration
) -> dict[int, dict[str, Any]]:
    """The answers out of fold as an export would give them: choices by scores that are calibrated.

    Each by a fit that had not seen the document. What spans and relations are found does not depend on their scores.
    """
    rows = list(answered)
    told = {row: {**answer, "choices": dict(answer["choices"])} for row, answer in answered.items()}
    for question in round_.schema.questions:
        asked, _ = _asked([round_.seen[row] for row in rows], question)
        for place, shares in zip(asked, known.questions[question.name].fair if len(asked) else (), strict=True):
            told[rows[place]]["choices"][question.name] = ranked(shares.tolist(), question)
    return told


def _related(
    labels: Sequence[str], examples: Sequence[Example], answers: Sequence[Mapping[str, Any]]
) -> tuple[cal.Part | None, cal.Part | None]:
    """Of relations between spans that were found, and between spans that were given."""
    if not labels:
        return None, None
    found = [(answer["spans"], answer["relations"]) for answer in answers]
    given = [
        ([vars(span) for span in example.spans], answer["given"])
        for example, answer in zip(examples, answers, strict=True)
    ]
    one, other = (cal.by_label(cal.judged_relations(examples, of, labels), labels) for of in (found, given))
    return one, other
