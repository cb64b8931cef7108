"""The demo mails are right by construction, always the same, and varied enough to learn something from."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter

import pytest
from django.core.management import call_command

from annotator.accounts import Membership, Tenant
from annotator.demo import PROJECT, mails
from annotator.demo.grammar import Composer, parse, read_rules
from annotator.demo.mails import LANGUAGES
from annotator.demo.setup import MAILS, set_up
from annotator.models import Annotation, Document, Project
from annotator.projects import create_project
from annotator.spans import Schema, clean_answer
from annotator.tenancy import tenant_scope


def compose(template: str, **fill: tuple[str, str]) -> Composer:
    composer = Composer(random.Random(1), {"twice": ["{person} and {person}"]}, fill.get)
    composer.write(template)
    return composer


def test_a_template_knows_where_its_entities_are():
    made = compose("[Dear] {person=a}[|] of {place=b}{lives_in a b}!", person=("Ivy", "PERSON"), place=("Ely", "PLACE"))

    assert made.text == "Dear Ivy of Ely!"
    assert made.spans == [
        {"start": 5, "end": 8, "label": "PERSON"},
        {"start": 12, "end": 15, "label": "PLACE"},
    ]
    assert made.relations == [{"head": 0, "tail": 1, "label": "lives_in"}]


def test_a_rule_is_written_out_and_a_number_is_no_entity():
    made = compose("{twice} in {day} days", person=("Ivy", "PERSON"), day=("4", ""))

    assert made.text == "Ivy and Ivy in 4 days"
    assert len(made.spans) == 2


@pytest.mark.parametrize("broken", ["[a|b", "a]b", "a|b", "a{b", "a}b"])
def test_a_template_with_unmatched_brackets_is_refused(broken):
    with pytest.raises(ValueError, match=r"bracket|bar|brace"):
        parse(broken)


def test_both_languages_have_the_same_rules_and_all_of_them_parse():
    english, german = (read_rules(path) for path in LANGUAGES.values())

    assert english.keys() == german.keys()
    for template in itertools.chain.from_iterable([*english.values(), *german.values()]):
        parse(template)


def test_a_series_is_the_same_every_time_and_the_beginning_of_a_longer_one():
    assert list(mails(20)) == list(itertools.islice(mails(50), 20))
    assert list(mails(5, seed=8)) != list(mails(5))


def test_gold_answers_are_what_an_annotator_may_submit(cast):
    with tenant_scope(cast.acme):
        schema = Schema.of(create_project(PROJECT, actor=None))

    for mail in mails(500):
        answer = clean_answer(mail, mail["text"], schema)
        assert answer == {part: mail[part] for part in ("spans", "classes", "relations")}


def test_mails_vary_and_later_ones_hold_new_names():
    series = list(mails(1_000))

    assert len({mail["text"] for mail in series}) > 995
    assert {mail["meta"]["language"] for mail in series} == {"en", "de"}
    assert 40 < sum(mail["text"].islower() for mail in series) < 120
    labels = Counter(span["label"] for mail in series for span in mail["spans"])
    assert set(labels) == {label["name"] for label in PROJECT["spans"]}
    assert min(labels.values()) > 300
    assert {label["label"] for mail in series for label in mail["relations"]} == {
        label["name"] for label in PROJECT["relations"]
    }
    surface = [{m["text"][s["start"] : s["end"]] for s in m["spans"] if s["label"] == "PERSON"} for m in series]
    early, late = set().union(*surface[:500]), set().union(*surface[500:])
    assert len(late - early) > len(late) / 2


@pytest.mark.django_db
def test_the_demo_tenant_is_made_once_and_unlabelled(capsys):
    assert set_up()
    assert not set_up()

    tenant = Tenant.objects.get(slug="demo")
    assert Membership.objects.get(tenant=tenant).role == "admin"
    with tenant_scope(tenant):
        project = Project.objects.get()
        assert project.name == "Customer mails"
        assert Document.objects.filter(project=project).count() == MAILS
        assert 0.1 < Document.objects.filter(split="check").count() / MAILS < 0.2
        assert not Annotation.objects.exists()
        assert set(Document.objects.values_list("meta", flat=True)[0]) == {"language"}
    call_command("demo")
    assert "there already" in capsys.readouterr().out


def test_the_command_prints_gold_lines(capsys):
    call_command("demo", "--gold", "--count", "3")

    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == list(mails(3))
