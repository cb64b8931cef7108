"""The four commands, as a shell sees them."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.ml.conftest import letters
from trainer.ml.__main__ import main


def run(*arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainer.ml", *map(str, arguments)],
        input=given, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip


class Learnt(NamedTuple):
    """What the training command printed, and where it printed it."""

    told: dict[str, Any]
    progress: list[dict[str, Any]]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    folder = tmp_path_factory.mktemp("learnt")
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(one) + "\n" for one in letters(60)), encoding="utf-8")
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        assert main(["train", "--data", str(data), "--model-dir", str(folder / "model"), "--seed", "1"]) == 0
    return Learnt(json.loads(out.getvalue()), [json.loads(line) for line in err.getvalue().splitlines()])


def test_train_and_predict(learnt: Learnt) -> None:
    asked = [{"id": "a", "text": "We met Otto in Rome again ."}, {"text": ""}]

    predicted = run("predict", "--export", learnt.told["export"], given="".join(json.dumps(x) + "\n" for x in asked))

    assert {"examples", "steps", "seconds", "metrics", "export"} <= learnt.told.keys()
    assert {told["phase"] for told in learnt.progress} >= {"prepare", "train", "export"}
    first, second = map(json.loads, predicted.stdout.splitlines())
    assert first["id"] == "a"
    assert [span.keys() for span in first["spans"]] == [{"start", "end", "label", "score"}] * 2
    assert first["choices"] == {"topic": ["travel"]}
    assert second["spans"] == []
    assert predicted.stderr == ""


def test_evaluate_and_export(
    learnt: Learnt, write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(letters(40, seed=9))

    assert main(["evaluate", "--export", learnt.told["export"], "--data", str(data)]) == 0
    evaluated = json.loads(capsys.readouterr().out)
    assert main(["export", "--export", learnt.told["export"], "--to", str(tmp_path / "served")]) == 0
    copied = json.loads(capsys.readouterr().out)

    assert evaluated["spans"]["f1"] > 0.85
    assert evaluated["spans"]["labels"].keys() == {"person", "place"}
    assert evaluated["questions"]["topic"]["accuracy"] > 0.9
    low, high = evaluated["interval"]["f1"]
    assert low <= evaluated["spans"]["f1"] <= high
    assert Path(copied["export"]).parent == tmp_path / "served"
    assert (Path(copied["export"]) / "saved_model.pb").is_file()


def test_what_is_wrong_is_one_line_on_stderr(write: Callable[..., Path], tmp_path: Path) -> None:
    done = run("train", "--data", write([]), "--model-dir", tmp_path / "model", "--quiet")

    assert done.returncode == 1
    assert done.stderr == "train: nothing to learn: the data has no lines\n"
    assert done.stdout == ""
