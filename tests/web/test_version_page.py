"""A version's page: what it knows label by label, from where on it suggests, and whether its scores hold."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from annotator import labels
from annotator.models import Label, Question
from annotator.tenancy import tenant_scope
from tests.worlds import World

RATES = {"precision": 0.9, "recall": 0.6, "f1": 0.72, "tp": 18, "fp": 2, "fn": 12}
BINS = [
    {"low": 0.05, "high": 0.5, "count": 20, "score": 0.25, "right": 0.3},
    {"low": 0.5, "high": 0.99, "count": 80, "score": 0.9, "right": 0.85},
]
KNOWN = {"threshold": 0.63, "evidence": 41, "reason": None}
NOT_YET = {"threshold": None, "evidence": 7, "reason": "not enough evidence yet"}
METRICS = {
    "held_out": 24,
    "spans": {**RATES, "labels": {"PERSON": RATES}},
    "questions": {"topic": {"accuracy": 0.75, "macro_f1": 0.7, "asked": 24, "choices": {"praise": RATES}}},
    "relations": {
        "given": {**RATES, "f1": 0.81, "macro_f1": 0.8, "labels": {}},
        "predicted": {**RATES, "macro_f1": 0.72, "labels": {"lives_in": RATES}},
    },
    "intervals": {"f1": (0.61, 0.8), "accuracy": (0.5, 0.9), "relations": (0.52, 0.83)},
    "calibration": {
        "spans": {"ece": 0.051, "ece_before": 0.124, "ece_interval": (0.02, 0.083), "events": 100, "bins": BINS},
        "questions": {"topic": {"ece": None, "ece_before": None, "events": 0, "bins": []}},
        "relations": {"ece": None, "ece_before": None, "events": 20, "bins": BINS[:1]},
    },
    "thresholds": {
        "precision": 0.8,
        "without_evidence": 0.85,
        "spans": {"PERSON": KNOWN},
        "questions": {"topic": NOT_YET},
        "relations": {"lives_in": NOT_YET},
    },
    "not_learnt": {"PLACE": "no example"},
    "spans_left_out": {"off_edges": 3, "overlapping": 0, "across": 0},
    "seconds": 14.2,
    "cpu_seconds": 11.6,
}


@pytest.fixture
def world(cast):
    return World.make(cast.acme, cast.alice)


def page(world, metrics, language="en") -> str:
    """The page's words, without markup."""
    with tenant_scope(world.tenant):
        world.version.metrics = metrics
        world.version.save()
    client = Client()
    client.force_login(world.manager)
    path = reverse("version", args=[world.tenant.slug, world.version.pk])
    answer = client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def test_it_says_how_good_each_label_is_and_from_where_on_it_is_suggested(world):
    told = page(world, METRICS)

    assert "Spans found exactly 72 % F1, 95 % interval 61–80" in told
    assert "Relations found 72 % F1, 95 % interval 52–83" in told
    assert "PERSON 90 60 72 30 63 % 41 1 of 1" in told
    assert "PLACE – – – – not learned: no example" in told
    assert "75 70 24 85 % not enough evidence yet 7" in told
    assert "lives_in 90 60 72 30 85 % not enough evidence yet 7" in told
    assert "relations are found with an F1 of 81" in told
    assert "3 begin or end inside a word" in told
    assert "12 s of CPU, in 14 s" in told


def test_what_the_model_library_writes_is_said_in_the_readers_language(world):
    told = page(world, METRICS | {"not_learnt": {"PLACE": "no example", "topic": "only one choice seen: praise"}}, "ar")

    for english in ("no example", "not enough evidence", "only one choice", "12 s "):
        assert english not in told
    assert "praise" in told


def test_it_shows_whether_scores_are_right_where_that_was_measured(world):
    told = page(world, METRICS)

    assert "Off by 5.1 points on average (95 % interval 2.0–8.3 ); 12.4 before calibration." in told
    assert "5–50 25 30 20 50–99 90 85 80" in told
    assert told.count("points on average") == told.count("Too few answers to say how far off its scores are.") == 1


def test_what_was_measured_out_of_fold_is_said_to_be(world):
    told = page(world, METRICS | {"held_out": 0, "out_of_fold": 80})

    assert "80 documents, out of fold" in told
    assert "Spans found exactly 72 %" in told
    assert "versions are not compared by that" in told


def test_a_version_that_was_made_before_all_this_has_a_page_too(world):
    told = page(world, {"held_out": 24, "spans": METRICS["spans"], "intervals": {"f1": (0.61, 0.8)}})

    assert "PERSON 90 60 72 30 – 1 of 1" in told
    assert "mean what they say" not in told


def test_a_label_that_was_renamed_since_keeps_what_was_measured_of_it(world):
    with tenant_scope(world.tenant):
        labels.rename(Label.objects.get(name="PERSON"), "HUMAN", actor=None)

    assert "HUMAN 90 60 72 30 63 % 41 1 of 1" in page(world, METRICS)


def test_a_question_and_a_choice_that_were_renamed_since_keep_what_was_measured_of_them(world):
    before = page(world, METRICS)
    with tenant_scope(world.tenant):
        labels.rename_question(Question.objects.get(name="topic"), "subject", actor=None)
        labels.rename(Label.objects.get(name="praise"), "thanks", actor=None)

    assert page(world, METRICS) == before.replace("topic", "subject").replace("praise", "thanks")
