"""Each program of this folder as it stands there, and what comes of it."""

import logging
from pathlib import Path

import numpy as np
import pytest

from tests.ml.estimator.events import plugins
from tests.ml.programs import digits, digits_experiment, double, odd_or_even, tagger, two_optimizers
from tests.ml.programs.left import left_in


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of digits that the programs are given."""
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    from sklearn.datasets import load_digits

    found = load_digits()
    np.savez(path, images=found.images, target=found.target)
    return str(path)


def trained(found: dict) -> set[str]:
    """The names of a model's own variables: not those of an optimizer, nor of the layers' chance."""
    others = ("Adam", "_power", "seed_generator")
    return {name for name in found["variables"] if not any(part in name for part in others)}


def test_odd_or_even(tmp_path: Path) -> None:
    found = odd_or_even.main(tmp_path)

    assert found["evaluated"]["accuracy"] >= 0.98
    assert found["evaluated"]["loss"] < 0.1
    assert found["evaluated"]["global_step"] == 400
    assert found["right"] >= 38
    assert found["keys"] == ["odd", "probability"]
    assert trained(found) == {"letters", "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias", "global_step"}
    assert left_in(tmp_path)["checkpoints"]["."][-4:] == [100, 200, 300, 400]


def test_numbers_are_spelt_in_english() -> None:
    assert [odd_or_even.spelt(number) for number in (0, 13, 40, 85, 700, 1016, 999_999)] == [
        "zero",
        "thirteen",
        "forty",
        "eighty-five",
        "seven hundred",
        "one thousand sixteen",
        "nine hundred ninety-nine thousand nine hundred ninety-nine",
    ]


def test_double(tmp_path: Path) -> None:
    found = double.main(tmp_path)

    assert found["evaluated"]["loss"] < 0.01
    assert found["evaluated"]["global_step"] == 1000  # to the end of the input
    assert found["predicted"] == pytest.approx([2 * number for number in range(100, 110)], abs=0.1)
    assert found["served"] == pytest.approx(found["predicted"])
    assert trained(found) == {"dense/kernel", "dense/bias", "global_step"}
    assert left_in(tmp_path)["checkpoints"]["model"][-1] == 1000
    assert "saved_model/TIME/saved_model.pb" in left_in(tmp_path)["files"]


def test_digits(data: str, tmp_path: Path) -> None:
    found = digits.main(tmp_path, data)

    assert found["evaluated"]["accuracy"] >= 0.94
    assert found["evaluated"]["global_step"] == 300
    assert found["evaluated again"] == found["evaluated"]  # though its train_op is made in evaluation, too
    assert found["right"] >= 92
    assert found["image"] == [8, 8, 1]
    assert found["probs"] == pytest.approx(1, abs=1e-5)
    assert trained(found) >= {"conv2d_1/kernel", "batch_normalization_1/moving_mean", "dense/bias"}
    assert {"loss": "scalars", "max_prob": "histograms", "input_image": "images"}.items() <= plugins(tmp_path).items()


def test_digits_experiment(data: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        found = digits_experiment.main(tmp_path, data)

    assert found["evaluated"]["Accuracy"] >= 0.88
    assert found["evaluated"]["global_step"] == 300
    assert found["right"] == pytest.approx(400 * found["evaluated"]["Accuracy"])
    assert not found["exports"]
    assert trained(found) == {"global_step"} | {
        f"ConvNet/{layer}/{kind}" for layer in ("conv1", "conv2", "fc1", "fc2") for kind in ("kernel", "bias")
    }
    assert left_in(tmp_path)["checkpoints"]["."][-3:] == [100, 200, 300]
    assert set(plugins(tmp_path)) >= {"loss", "seen_accuracy"}
    assert set(plugins(tmp_path / "eval")) >= {"loss", "Accuracy"}
    assert sum("accuracy = " in message for message in caplog.messages) == 3


def test_two_optimizers(tmp_path: Path) -> None:
    found = two_optimizers.main(tmp_path)

    assert found["before"]["error"] > 2
    assert found["evaluated"]["error"] < 1
    assert found["evaluated"]["global_step"] == 800  # one of the two counts
    assert found["evaluated again"] == pytest.approx(found["evaluated"], abs=0.2)
    assert found["steps seen"] == 799
    assert found["made"][0] == pytest.approx(two_optimizers.MEAN, abs=0.8)
    assert trained(found) == {"global_step"} | {
        f"{layer}/{kind}"
        for layer in ("generator/hidden", "generator/made", "discriminator/hidden", "discriminator/true")
        for kind in ("kernel", "bias")
    }


def test_tagger(tmp_path: Path) -> None:
    found = tagger.main(tmp_path)

    assert min(found["evaluated"][name] for name in ("acc", "precision", "recall", "f1")) >= 0.95
    assert 60 <= found["evaluated"]["global_step"] < 300  # of the thousand steps that the input would last
    assert found["wrong"] <= 2
    assert found["served"][:2] == [["PERSON", "O", "O", "PLACE"], ["O", "PLACE", "O", "O"]]
    assert {name for name in trained(found) if "lstm" not in name} == {
        *("embeddings", "crf", "dense/kernel", "dense/bias", "global_step")
    }
    assert "model/export/best/TIME/assets/vocab.words.txt" in left_in(tmp_path)["files"]
