"""Every export read back says no more than was said: no label, no choice and no *nothing here* of its own."""

from __future__ import annotations

import csv
import io
import json
import re
import uuid
from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator import offsets, review
from annotator.exporting import jsonl
from annotator.exporting.conll import Conll
from annotator.exporting.table import Table
from annotator.importing import load
from annotator.importing import options as importing
from annotator.spans import storable_fault
from annotator.tenancy import tenant_scope
from tests.cast import make_project

SPANS = ["PER", "A B", "A_B", "A_B_2", "B-X", "#", "O", "_", "=1+1"]
QUESTIONS = {
    "topic": ["late", "damaged", "late; damaged", "damaged; late", '"late"', "-", "=x", "'=x", 'a "b" c', "a;"],
    "state": ["submitted", "complete"],
}
PLACE = ("start", "end", "label")
# Words and signs that other programs take for something else, next to scripts in which words are easily cut.
CHARACTERS = "aB1 .#-_=\t\r\n\x1c\x85\u2028\"';दिल्लीשָׁلَ東京ไท한é\u0301\u200c\u200d\ufeff😀👩🏽"
TEXT = st.one_of(
    st.text(CHARACTERS, min_size=1, max_size=30),
    st.text(min_size=1, max_size=15),
    st.sampled_from(["-DOCSTART- -X- O O\n\nAda\tB-PER", "# id = x\n#\tO", "U.N. e.g. A B"]),
).filter(lambda text: text.strip() and not storable_fault(text))
NAME = st.text(CHARACTERS, min_size=1, max_size=8).filter(lambda name: not storable_fault(name))


def _same(span: tuple[int, int, str]) -> tuple[int, int, str]:
    return min(span[:2]), max(span[:2]), span[2]


@st.composite
def documents(draw):
    text = draw(TEXT)
    row = {"id": draw(NAME), "text": text}
    if draw(st.integers(0, 3)) == 0:
        return row | {"state": draw(st.sampled_from(["skipped", "draft", "unlabelled"]))}
    place = st.integers(0, len(text))
    spans = [
        {"start": min(a, b), "end": max(a, b), "label": label}
        for a, b, label in draw(
            st.lists(
                st.tuples(place, place, st.sampled_from(SPANS)),
                max_size=5,
                unique_by=_same,
            )
        )
        if a != b
    ]
    classes = {}
    for question, names in QUESTIONS.items():
        if chosen := draw(st.lists(st.sampled_from(names), max_size=3, unique=True)):
            classes[question] = chosen
    row |= {"spans": spans, "classes": classes, "relations": [], "complete": draw(st.booleans())}
    return row | draw(st.just({}) | of_several(text, spans))


@st.composite
def of_several(draw, text, spans):
    """What a line says beside, that is made of several people's answers."""
    place, exhaustive = st.integers(0, len(text)), draw(st.booleans())
    found = draw(st.lists(st.tuples(place, place, st.sampled_from(SPANS)), max_size=2, unique_by=_same))
    disputed = [
        {"kind": "span", "start": min(a, b), "end": max(a, b), "label": label, "for": 1, "against": 1}
        for a, b, label in found
        if a != b
    ]
    disputed += draw(st.sampled_from([[], [{"kind": "choice", "question": "topic", "label": "late"}]]))
    disputed = [one for one in disputed if {name: one.get(name) for name in PLACE} not in spans]
    complete = exhaustive and not disputed
    return {"answers": 2, "exhaustive": exhaustive, "disputed": disputed, "complete": complete}


def trimmed(row: dict, spans: list[dict]) -> list[tuple[int, int, str]]:
    """These spans of it without white space at their edges."""
    found = []
    for span in spans:
        words = row["text"][span["start"] : span["end"]]
        start = span["start"] + len(words) - len(words.lstrip())
        found.append((start, start + len(words.strip()), span["label"]))
    return found


def placed(text: str, lines: list[list[str]]) -> Iterator[tuple[int, int, str]]:
    """Where in the text each token of these lines stands, and its tag. All of the text is in the tokens."""
    at = 0
    for token, tag in lines:
        start = text.index(token, at)
        assert not text[at:start].strip()
        at = start + len(token)
        yield start, at, tag
    assert not text[at:].strip()


def read_spans(tokens: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    spans: list[tuple[int, int, str]] = []
    for start, end, tag in tokens:
        if tag.startswith("B-"):
            spans.append((start, end, tag[2:]))
        elif tag.startswith("I-"):
            assert tag[2:] == spans[-1][2]
            spans[-1] = (spans[-1][0], end, tag[2:])
        else:
            assert tag in ("O", "_")
    return spans


def check(row: dict, lines: list[list[str]], tags: dict[str, str]) -> None:
    """Of this document the lines say no label that it has not, and no `O` where something was said, or may be."""
    said = trimmed(row, row.get("spans", []))
    open_now = trimmed(row, [one for one in row.get("disputed", []) if one["kind"] == "span"])
    tokens = list(placed(row["text"], lines))
    called = {tags.get(label, label): label for label in SPANS}
    assert len(called) == len(SPANS)
    for start, end, tag in read_spans(tokens):
        assert (start, end, called[tag]) in said
    for start, end, tag in tokens:
        if tag == "O":
            assert row["complete"] or row["exhaustive"]
            assert not any(first < end and start < last for first, last, _ in said + open_now)


TAGS = {"A B": "A_B_3"}


@settings(max_examples=150)
@given(st.lists(documents(), max_size=4))
def test_conll_without_comments(rows):
    form = Conll(SPANS)

    told = form.head() + "".join(map(form.lines, rows))

    blocks = [block.split("\n") for block in told.split("-DOCSTART- -X- O O\n\n")[1:]]
    kept = [row for row in rows if Conll(SPANS).lines(row)]
    assert len(blocks) == len(kept) == form.report.written
    assert form.report.tags.items() <= TAGS.items()
    for row, block in zip(kept, blocks, strict=True):
        assert block[-2:] == ["", ""]
        check(row, [re.split(r"\s", line) for line in block[:-2]], TAGS)
        assert "_" not in {line.split()[1] for line in block[:-2]}
    left_out = form.report.left_out_incomplete + form.report.left_out_crossing
    assert left_out + form.report.written == len(rows)
    assert form.report.left_out_incomplete == sum(not row.get("complete") for row in rows if row not in kept)


@settings(max_examples=150)
@given(st.lists(documents(), max_size=4))
def test_conll_with_everything(rows):
    form = Conll(SPANS, comments=True, keep=True)

    told = form.head() + "".join(map(form.lines, rows))

    header, _, rest = told.partition("\n")
    assert header == "# global.columns = ID FORM MARGINALIA:TAG"
    blocks = [block.split("\n") for block in rest.split("\n\n")[:-1]]
    assert len(blocks) == len(rows) == form.report.written
    for row, block in zip(rows, blocks, strict=True):
        comments = dict(line[2:].split(" = ", 1) for line in block if line.startswith("#"))
        name = comments["id"]
        assert (json.loads(name) if name.startswith('"') else name) == row["id"]
        assert comments["state"] == row.get("state", "submitted")
        assert comments["complete"] == "false" or row["complete"] or row["exhaustive"]
        check(row, [line.split("\t")[1:] for line in block if not line.startswith("#")], TAGS)


def said_of_cell(cell: str, names: list[str]) -> list[str]:
    """The choices in a cell: one that is written so, or several, quoted as in CSV where need be."""
    if cell in names:
        return [cell]
    found = re.findall(r'\s*("(?:[^"]|"")*"|[^;]*)(?:;|$)', cell)
    pieces = [piece[1:-1].replace('""', '"') if piece[:1] == '"' else piece.strip() for piece in found]
    return [piece for piece in pieces if piece]


def as_said(cell: str) -> str:
    """Without the apostrophe that was put before it."""
    return cell[1:] if re.match(r"''*(?:[\s\ufeff\u200b]*[=+\-@＝＋－＠]|[\t\r\n])", cell) else cell


@settings(max_examples=150)
@given(st.lists(documents(), max_size=4), st.booleans())
def test_csv(rows, raw):
    form = Table(QUESTIONS, raw=raw)

    told = form.head() + "".join(map(form.lines, rows))

    header, *lines = csv.reader(io.StringIO(told.removeprefix("\ufeff"), newline=""), strict=True)
    assert header == [
        "id",
        "start",
        "end",
        "label",
        "words",
        "topic",
        "state (question)",
        "state",
        "complete",
        "disputed",
    ]
    lines = [line if raw else [as_said(cell) for cell in line] for line in lines]
    for row in rows:
        mine, lines = lines[: max(len(row.get("spans", [])), 1)], lines[max(len(row.get("spans", [])), 1) :]
        for line, span in zip(mine, row.get("spans") or [None], strict=True):
            words = span and row["text"][span["start"] : span["end"]]
            expected = [str(span["start"]), str(span["end"]), span["label"], words] if span else [""] * 4
            assert line[:5] == [row["id"], *expected]
            for cell, names in zip(line[5:7], QUESTIONS.items(), strict=True):
                assert said_of_cell(cell, names[1]) == row.get("classes", {}).get(names[0], [])
            assert line[7] == row.get("state", "submitted")
            assert line[8] == {True: "true", False: "false", None: ""}[row.get("complete")]
            assert line[9] == (str(len(row["disputed"])) if "disputed" in row else "")
    assert not lines


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.lists(documents(), max_size=4),
    st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=3),
    st.sampled_from(offsets.UNITS),
)
def test_json_lines_say_all_and_nothing_else_to_an_import(cast, rows, links, unit):
    asked = [{"name": name, "choices": choices, "multiple": True} for name, choices in QUESTIONS.items()]
    names = [name for name in SPANS if name != "A_B"]  # people could take it for another, so no project has both
    spec = {"spans": names, "questions": asked, "relations": ["of"], "allow_overlap": True}
    said = [
        {"id": str(i), **{k: v for k, v in row.items() if k in ("text", "spans", "classes", "complete")}}
        for i, row in enumerate(rows)
    ]
    for row in said:
        if "complete" in row:
            row["spans"] = [span for span in row["spans"] if span["label"] in names]
            places = range(len(row["spans"]))
            ends = [(head, tail) for head, tail in links if head != tail and head in places and tail in places]
            row["relations"] = [{"head": head, "tail": tail, "label": "of"} for head, tail in ends]
    one, two = (make_project(cast.acme, **spec, name=str(uuid.uuid4())) for _ in range(2))
    how = importing.Options("jsonl")
    with tenant_scope(cast.acme):
        load.load(one, io.BytesIO("".join(json.dumps(row) + "\n" for row in said).encode()), how, user=cast.bob)

    first = b"".join(jsonl.Export(cast.acme, one.pk, jsonl.Options(documents="all")))
    sent = b"".join(jsonl.Export(cast.acme, one.pk, jsonl.Options(documents="all", offsets=unit)))
    with tenant_scope(cast.acme):
        report = load.load(two, io.BytesIO(sent), how, user=cast.bob)
    second = b"".join(jsonl.Export(cast.acme, two.pk, jsonl.Options(documents="all")))

    assert report.errors == []
    answers, again = (
        [{k: v for k, v in json.loads(line).items() if k not in ("split", "meta")} for line in lines.splitlines()]
        for lines in (first, second)
    )
    assert answers == again
    assert [row.get("complete") for row in answers] == [row.get("complete") for row in said]
    assert [len(row.get("relations", ())) for row in answers] == [len(row.get("relations", ())) for row in said]


def test_an_answer_of_each_state_through_the_whole_export(cast):
    project = make_project(cast.acme)
    line = {"text": "Ada left", "complete": True, "spans": [{"start": 0, "end": 3, "label": "PERSON"}]}
    with tenant_scope(cast.acme):
        data = "".join(json.dumps({"id": name, **line}) + "\n" for name in ("=1", "b")) + '{"id": "c", "text": "c"}\n'
        load.load(project, io.BytesIO(data.encode()), importing.Options("jsonl"), user=cast.bob)
        skipped = project.documents.get(external_id="c")
        review.annotate(skipped, cast.bob, review.Submission(uuid.uuid4(), 0, {}, state="skipped"))

    told = b"".join(jsonl.Export(cast.acme, project.pk, jsonl.Options(documents="all", format="csv"))).decode()

    assert told.splitlines()[1:] == [
        "'=1,0,3,PERSON,Ada,,,submitted,true,", "b,0,3,PERSON,Ada,,,submitted,true,", "c,,,,,,,skipped,,",
    ]  # fmt: skip
