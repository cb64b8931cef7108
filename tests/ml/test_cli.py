"""The four commands, as a shell sees them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.ml.conftest import letters


def run(*arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainer.ml", *map(str, arguments)],
        input=given, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip


def last(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_train_evaluate_predict_export(write: Callable[..., Path], tmp_path: Path) -> None:
    data = write(letters(40))

    trained = last(run("train", "--data", data, "--model-dir", tmp_path / "model", "--seed", "1"))
    evaluated = last(run("evaluate", "--export", trained["export"], "--data", data))
    asked = [{"id": "a", "text": "We met Otto in Rome again ."}, {"text": ""}]
    predicted = run("predict", "--export", trained["export"], given="".join(json.dumps(x) + "\n" for x in asked))
    copied = last(run("export", "--export", trained["export"], "--to", tmp_path / "served"))

    assert {"examples", "steps", "seconds", "metrics", "export"} <= trained.keys()
    assert evaluated["spans"]["f1"] > 0.9
    assert evaluated["spans"]["labels"].keys() == {"person", "place"}
    assert evaluated["questions"]["topic"]["accuracy"] > 0.9
    first, second = map(json.loads, predicted.stdout.splitlines())
    assert first["id"] == "a"
    assert [span.keys() for span in first["spans"]] == [{"start", "end", "label", "score"}] * 2
    assert first["choices"] == {"topic": ["travel"]}
    assert second["spans"] == []
    assert predicted.stderr == ""
    assert copied["export"] == str(tmp_path / "served/1")


def test_what_is_wrong_is_one_line_on_stderr(write: Callable[..., Path], tmp_path: Path) -> None:
    done = run("train", "--data", write([]), "--model-dir", tmp_path / "model", "--quiet")

    assert done.returncode == 1
    assert done.stderr == "train: nothing to learn: the data has no lines\n"
    assert done.stdout == ""
