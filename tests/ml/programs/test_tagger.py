"""A BiLSTM-CRF tagger with character features: another model function, on the product's own CRF."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from bench.bilstm import Trained, train

STEMS = ["bren", "calo", "dura", "fenti", "golda", "heli", "jora", "kemo", "luma", "nora", "peri", "quila", "rosa"]
PATTERNS = ["{drug} helps against {illness} .", "His {illness} went away with {drug} .", "We saw no {drug} at all ."]
ENDINGS = {"drug": "zine", "illness": "itis"}


def reports(count: int, stems: Sequence[str], seed: int) -> list[dict[str, Any]]:
    """Labelled lines about made-up drugs and illnesses; by their endings one can tell which is which."""
    chance = random.Random(seed)
    lines = []
    for number in range(count):
        text, spans = "", []
        for piece in chance.choice(PATTERNS).split(" "):
            label = piece.strip("{}")
            word = chance.choice(stems) + ENDINGS[label] if label in ENDINGS else piece
            if label in ENDINGS:
                spans.append({"start": len(text), "end": len(text) + len(word), "label": label})
            text += word + " "
        lines.append({"id": f"report-{number}", "text": text.strip(), "spans": spans, "complete": True})
    return lines


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(reports(60, STEMS[:9], seed=1), tmp_path_factory.mktemp("tagger"), steps=100, seed=1)


def found_in(trained: Trained, texts: Sequence[str]) -> list[list[dict[str, Any]]]:
    return [[{k: v for k, v in s.items() if k != "score"} for s in a["spans"]] for a in trained.predict(texts)]


def test_it_finds_words_it_has_never_seen_by_their_spelling(trained: Trained) -> None:
    unseen = reports(30, STEMS[9:], seed=2)

    found = found_in(trained, [line["text"] for line in unseen])

    right = sum(answer == line["spans"] for answer, line in zip(found, unseen, strict=True))
    assert right >= 27


def test_a_span_comes_with_its_probability_and_in_code_points(trained: Trained) -> None:
    (answer,) = trained.predict(["𝔩umaitis went away with calozine ."])

    assert [(span["start"], span["end"], span["label"]) for span in answer["spans"]] == [
        (0, 8, "illness"),
        (24, 32, "drug"),
    ]
    assert all(0.5 < span["score"] <= 1 for span in answer["spans"])


def test_texts_do_not_change_each_others_answers(trained: Trained) -> None:
    texts = [line["text"] for line in reports(5, STEMS, seed=3)] + ["", "noraitis"]

    assert found_in(trained, texts) == [found_in(trained, [text])[0] for text in texts]
