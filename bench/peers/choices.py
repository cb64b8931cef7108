"""scikit-learn for choices: TF-IDF of words and of the pieces of words, and a linear model."""

from __future__ import annotations

import argparse
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.svm import LinearSVC

from bench.peers.command import Line, Predict, Train, run


def commands(linear_model: Callable[[], Any]) -> tuple[Train, Predict]:
    """Training and answering with this linear model."""

    def train(lines: list[Line], model_dir: Path, _options: argparse.Namespace) -> dict[str, Any]:
        models = {}
        for question in sorted({name for line in lines for name in line["classes"]}):
            answered = [line for line in lines if question in line["classes"]]
            chosen = [line["classes"][question] for line in answered]
            several = any(len(choices) != 1 for choices in chosen)
            names = MultiLabelBinarizer().fit(chosen) if several else None
            model = make_pipeline(_tf_idf(), OneVsRestClassifier(linear_model()) if several else linear_model())
            target = names.transform(chosen) if names else [choice for (choice,) in chosen]
            models[question] = (model.fit([line["text"] for line in answered], target), names)
        (model_dir / "models.pickle").write_bytes(pickle.dumps(models))
        return {"questions": sorted(models)}

    def predict(lines: list[Line], model_dir: Path) -> Iterator[Line]:
        models = pickle.loads((model_dir / "models.pickle").read_bytes())
        texts = [line["text"] for line in lines]
        answers: list[dict[str, list[str]]] = [{} for _ in lines]
        for question, (model, names) in models.items():
            found = model.predict(texts)
            for answer, given in zip(answers, names.inverse_transform(found) if names else found, strict=True):
                answer[question] = list(given) if names else [str(given)]
        return ({"id": line.get("id"), "choices": answer} for line, answer in zip(lines, answers, strict=True))

    return train, predict


def _tf_idf() -> Any:
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
    )


LINEAR_MODELS = {
    "svm": lambda: LinearSVC(C=0.5),
    "logistic": lambda: LogisticRegression(C=10.0, max_iter=1000),
}

if __name__ == "__main__":
    sys.exit(run(*commands(LINEAR_MODELS[sys.argv.pop(1)])))
