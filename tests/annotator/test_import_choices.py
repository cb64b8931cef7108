"""Choices in cells of a table: which of them a cell holds, however they are called."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator import labels
from annotator.importing.cells import parted
from annotator.importing.load import load
from annotator.importing.options import Options
from annotator.models import Annotation, Label
from annotator.tenancy import tenant_scope
from tests.cast import make_project

REASONS = ["late; damaged", "late", "damaged", '5" pipe', '"quoted"', "a;b", " padded "]


@pytest.mark.parametrize(
    ("cell", "choices"),
    [
        ("late; damaged", ["late; damaged"]),
        (" late; damaged ", ["late; damaged"]),
        ("damaged; late", ["damaged", "late"]),
        ("late;damaged", ["late", "damaged"]),
        ('late; "late; damaged"', ["late", "late; damaged"]),
        ('"late; damaged"; "a;b"', ["late; damaged", "a;b"]),
        ("a;b", ["a;b"]),
        ('"a;b"', ["a;b"]),
        ('"""quoted"""; late', ['"quoted"', "late"]),
        ('"quoted"', ['"quoted"']),
        ('5" pipe; late', ['5" pipe', "late"]),
        ('"open; late', ['"open', "late"]),
        ("late;; ", ["late"]),
        ('" padded "; late', [" padded ", "late"]),
        ("", []),
    ],
)
def test_a_cell_is_parted_unless_it_is_a_choice_as_a_whole(cell, choices):
    assert parted(cell, REASONS) == choices


@given(st.lists(st.text(st.sampled_from('ab;" '), min_size=1, max_size=6).map(str.strip).filter(bool), min_size=1))
def test_what_is_written_with_quotes_where_needed_is_read_back(names):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";", lineterminator="").writerow(names)
    spaced = "; ".join(
        '"' + name.replace('"', '""') + '"' if ";" in name or '"' in (name[0], name[-1]) else name for name in names
    )

    assert parted(spaced, []) == names


@pytest.fixture
def project(cast):
    questions = [{"name": "reason", "multiple": True, "choices": REASONS[:-1]}]
    with tenant_scope(cast.acme):
        yield make_project(cast.acme, check_share=0, questions=questions)


def chosen(cast, project, cell: str) -> list[str]:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["text", "kind"], ["seven", cell]])
    options = Options("csv", classes=("kind=reason",))
    report = load(project, io.BytesIO(out.getvalue().encode()), options, user=cast.alice)
    assert report.errors == []
    return Annotation.objects.get().answer["classes"]["reason"]


def test_an_import_takes_a_choice_with_a_semicolon_for_one(cast, project):
    assert chosen(cast, project, "late; damaged") == ["late; damaged"]


def test_an_import_takes_several_choices_with_semicolons(cast, project):
    assert chosen(cast, project, '"late; damaged"; "a;b"; late') == ["a;b", "late", "late; damaged"]


def test_a_choice_is_known_by_its_former_name(cast, project):
    labels.rename(Label.objects.get(name="late; damaged"), "both", actor=None)

    assert chosen(cast, project, "late; damaged") == ["both"]
