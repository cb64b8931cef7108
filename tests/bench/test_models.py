"""The comparison of models is fair and counts right: samples, tokens, scores, effort."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import corpora, effort, scoring
from bench.measured import Failed, megabytes, run
from bench.models import read
from bench.peers import tokens as tk


def line(text: str, *spans: tuple[int, int, str], **given: Any) -> dict[str, Any]:
    marked = [{"start": start, "end": end, "label": label} for start, end, label in spans]
    return {"id": text, "text": text, "spans": marked, "classes": {}, "relations": [], **given}


def related(*relations: tuple[int, int, str]) -> dict[str, Any]:
    return {"relations": [{"head": head, "tail": tail, "label": label} for head, tail, label in relations]}


def test_a_relation_counts_only_with_its_direction_and_none_is_not_one() -> None:
    gold = [related((0, 1, "cause")), related((0, 1, "cause")), related((1, 0, "part")), related()]

    right = scoring.directed_macro_f1(gold, gold)
    turned = scoring.directed_macro_f1(gold, [related((0, 1, "cause")), related((1, 0, "cause")), *gold[2:]])
    nothing = scoring.directed_macro_f1(gold, [related()] * 4)

    assert (right, nothing) == (1.0, 0.0)
    assert turned == pytest.approx((0.5 + 1.0) / 2)


def test_two_files_are_a_corpus_whose_samples_are_nested(tmp_path: Path) -> None:
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    train.write_text("".join(json.dumps({"text": f"one two {n}"}) + "\n" for n in range(50)), encoding="utf-8")
    test.write_text(json.dumps({"text": "three", "classes": {"q": ["a"]}}) + "\n", encoding="utf-8")

    corpus = corpora.load(f"{train}:{test}")

    assert corpus.sample("20", 1)[:10] == corpus.sample("10", 1) != corpus.sample("10", 2)
    assert len(corpus.sample("10t", 1)) == 4
    assert ("three" in corpus.pool("a"), "three" in corpus.pool("b")) == (True, False)


def test_a_file_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        corpora.load(f"{tmp_path}/a.jsonl:{tmp_path}/b.jsonl")


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (line("Anna met U.N. staff .", (0, 4, "P"), (9, 13, "O")), "spaces"),
        (line("Anna met the U.N., again.", (0, 4, "P"), (13, 17, "O")), "words"),
        (line("東京でABC社に会う", (0, 2, "P"), (3, 7, "O")), "characters and runs"),
        (line("東京でABC社に会う", (0, 2, "P"), (3, 5, "O")), "characters"),
    ],
)
def test_tokens_of_a_kind_that_the_spans_lie_on(given: dict[str, Any], kind: str) -> None:
    tokens = tk.tokenize(given["text"], kind)

    found = tk.chunks(tk.bio(tokens, given["spans"]))

    assert tk.kind_for([given]) == kind
    spans = [{"start": tokens[a][0], "end": tokens[b][1], "label": label} for a, b, label in found]
    assert spans == given["spans"]


def test_lines_of_a_document_are_sentences() -> None:
    text = "one two\n\nthree"

    found = tk.sentences(text, tk.tokenize(text, "spaces"))

    assert [[text[a:b] for a, b in sentence] for sentence in found] == [["one", "two"], ["three"]]


def test_documents_of_nine_sentences_keep_their_spans() -> None:
    sentences = [line(f"{'x' * n} name", (n + 1, n + 5, "P")) for n in range(1, 20)]

    first, second = effort.documents(sentences)

    assert [first["text"][s["start"] : s["end"]] for s in first["spans"]] == ["name"] * 9
    assert [second["text"][s["start"] : s["end"]] for s in second["spans"]] == ["name"] * 9


def test_effort_counts_marks_and_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line("a name", (2, 6, "P"), id=str(n)) for n in range(9 * 400)]
    monkeypatch.setattr(corpora, "load", lambda _: corpora.Corpus("made up", lines, []))
    wrong = {"start": 0, "end": 1, "label": "P"}

    def suggest(_system: str, _labelled: Any, asked: Any, _pool: Any) -> tuple[list[dict[str, Any]], float]:
        return [{"spans": [one["spans"][0], wrong]} for one in asked], 0.0

    monkeypatch.setattr(effort, "suggested", suggest)

    by_hand, *later = effort.simulate("made up", 1, "ours")["stretches"]

    assert (by_hand["shown"], by_hand["saved"]) == (0, 0.0)
    assert (later[-1]["shown"], later[-1]["right"], later[-1]["gold"]) == (400, 200, 1800)
    # Of 27 actions a document, 3 are saved by the right one and 2 spent on deciding; none in the first ten.
    assert later[-1]["saved"] == pytest.approx(100 * (390 * 1) / (400 * 27), abs=0.1)


def test_what_a_command_costs_and_why_it_failed(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text("hello", encoding="utf-8")

    printed, cost = run([sys.executable, "-c", "print(input()[::-1])"], given)

    assert printed == "olleh\n"
    assert cost.cpu_seconds > 0
    assert cost.peak_mb > 1
    with pytest.raises(Failed, match="because"):
        run([sys.executable, "-c", "raise SystemExit('because')"])


def test_size_of_a_folder_and_of_its_archive(tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(1_000_000))

    raw, compressed = megabytes(tmp_path)

    assert raw == 1.0
    assert compressed < 0.1


def test_the_last_row_of_a_cell_counts(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    cell = {"corpus": "c", "size": "50", "sample": 1, "system": "spacy"}
    path.write_text("".join(json.dumps(cell | {"f1": f1}) + "\n" for f1 in (1.0, 2.0)), encoding="utf-8")

    assert read(path) == [cell | {"f1": 2.0}]
    assert read(tmp_path / "absent") == []
