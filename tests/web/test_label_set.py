"""The label set's pages: arranged by plain forms, and what touches work is said before it is done."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.urls import reverse

from annotator import labels, review
from annotator.models import Annotation, AuditEvent, Label, Project, Question
from annotator.review import Submission
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project

ADA = {"start": 0, "end": 3, "label": "PERSON"}
OSLO = {"start": 13, "end": 17, "label": "PLACE"}


class Pages:
    """The label set of one project, as its manager sees it."""

    def __init__(self, cast, client):
        self.cast, self.client = cast, client
        self.project = make_project(cast.acme, check_share=0)
        (self.document,) = add_documents(cast.acme, self.project, "Ada lives in Oslo.")
        client.force_login(cast.alice)

    def path(self, label=None):
        args = [self.cast.acme.slug, self.project.pk]
        return reverse("label", args=[*args, self.label(label).pk]) if label else reverse("labels", args=args)

    def post(self, label=None, **fields):
        return self.client.post(self.path(label), fields)

    def label(self, name):
        with tenant_scope(self.cast.acme):
            return Label.objects.get(name=name)

    def names(self, **where):
        with tenant_scope(self.cast.acme):
            return list(Label.objects.filter(**where).values_list("name", flat=True))

    def save(self, label, **changes):
        with tenant_scope(self.cast.acme):
            found = Label.objects.get(name=label)
            stands = {"name": found.name, "color": found.color, "key": found.key, "definition": found.definition}
        return self.post(label, **stands | changes)

    def answer(self, *spans):
        with tenant_scope(self.cast.acme):
            review.annotate(self.document, self.cast.bob, Submission(uuid4(), 0, {"spans": list(spans)}))

    def spans(self):
        with tenant_scope(self.cast.acme):
            return Annotation.objects.get().answer["spans"]


@pytest.fixture
def pages(cast, client):
    return Pages(cast, client)


def test_all_labels_stand_in_their_groups_with_what_they_mean(pages):
    pages.answer(ADA)
    with tenant_scope(pages.cast.acme):
        labels.change(Label.objects.get(name="PERSON"), {"definition": "**People** by name."}, actor=None)
        labels.change(Label.objects.get(name="lives_in"), {"pairs": [["PERSON", "PLACE"]]}, actor=None)

    page = pages.client.get(pages.path()).content.decode()

    for said in ("<strong>People</strong> by name.", "given 1 time", "question, several answers", "not given yet"):
        assert said in page
    assert "<bdi>PERSON</bdi> → <bdi>PLACE</bdi>" in page
    assert "hard to tell" not in page


def test_a_colour_too_close_is_told_and_for_whose_eyes(pages):
    pages.save("PERSON", color="#059669")
    pages.save("PLACE", color="#db2777")

    assert (
        "hard to tell from that of PERSON for eyes that see less green"
        in pages.client.get(pages.path()).content.decode()
    )
    pages.save("PLACE", proposed="#2563eb")
    assert pages.label("PLACE").color == "#2563eb"


def test_labels_choices_and_questions_are_added(pages):
    pages.post(kind="span", name=" PRODUCT ", key="P", color="#123456", definition="Things.")
    pages.post(kind="choice", question="topic", name="return", key="", color="", definition="")
    pages.post(question_name="mood", question_choices="good\r\n\r\nbad\r\n", multiple="on")

    product = pages.label("PRODUCT")
    assert (product.key, product.color, product.definition) == ("p", "#123456", "Things.")
    assert pages.names(question__name="topic")[-1] == "return"
    assert pages.names(question__name="mood") == ["good", "bad"]
    with tenant_scope(pages.cast.acme):
        assert Question.objects.get(name="mood").multiple


def test_who_adds_a_label_is_told_what_it_means_for_documents_that_are_done(pages):
    before = pages.client.get(pages.path()).text
    pages.answer(ADA)
    after = pages.client.get(pages.path()).text

    assert "count as" not in before
    assert (
        after.count("count as looked through for it, and as having none") == 3
    )  # spans, relations, a question of several
    assert after.count("keep the choice that they have") == 1
    assert after.count("are not asked again") == 1


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"kind": "span", "name": "PERSON"}, "There is a label named &#x27;PERSON&#x27; of this kind already."),
        ({"kind": "span", "name": ""}, "must be a name"),
        ({"kind": "span", "name": "X", "key": "1"}, "the key 1 is that of"),
        ({"question_name": "mood", "question_choices": "good"}, "two choices or more"),
    ],
)
def test_what_cannot_be_added_is_refused_and_what_was_typed_stays(pages, sent, reason):
    answer = pages.post(**sent)

    assert answer.status_code in (409, 422)
    page = answer.content.decode()
    assert reason in page
    assert f'value="{next(v for n, v in sent.items() if n in ("name", "question_name"))}"' in page


def test_labels_move_among_their_own(pages):
    pages.post(down=str(pages.label("PERSON").pk))
    assert pages.names(kind="span") == ["PLACE", "PERSON"]
    pages.post(up=str(pages.label("PERSON").pk))
    assert pages.names(kind="span") == ["PERSON", "PLACE"]
    pages.post(up=str(pages.label("PERSON").pk))
    pages.post(up="x")

    order = [pages.label(name).pk for name in ("urgent", "angry", "friendly")]
    pages.post(order=",".join(map(str, order)) + ",x")

    assert pages.names(kind="span") == ["PERSON", "PLACE"]
    assert pages.names(question__name="tone") == ["urgent", "angry", "friendly"]


def test_what_changes_no_answer_is_saved_at_once(pages):
    pages.answer(ADA)

    answer = pages.save("PERSON", definition="Names.\r\nNot roles.", key="x", color="#101010")

    assert answer.status_code == 302
    person = pages.label("PERSON")
    assert (person.definition, person.key, person.color) == ("Names.\nNot roles.", "x", "#101010")


def test_a_new_name_says_first_what_it_touches(pages):
    pages.answer(ADA, OSLO)

    asked = pages.save("PERSON", name="HUMAN", definition="People.")

    page = asked.content.decode()
    assert asked.status_code == 200
    assert "Rename PERSON?" in page
    assert "It stands in 1 answer, 1 times in all." in page
    assert pages.spans()[0]["label"] == "PERSON"
    pages.save("PERSON", name="HUMAN", definition="People.", sure="1")
    assert pages.spans() == [{**ADA, "label": "HUMAN"}, OSLO]
    assert pages.label("HUMAN").definition == "People."


def test_a_label_that_nobody_gave_is_renamed_without_a_question(pages):
    pages.save("PERSON", name="HUMAN")

    assert pages.names(kind="span") == ["HUMAN", "PLACE"]


def test_two_labels_are_merged_after_a_look(pages):
    pages.answer(ADA, OSLO)
    place = str(pages.label("PLACE").pk)

    asked = pages.post("PERSON", act="merge", into=place).content.decode()
    assert "Merge PERSON?" in asked
    assert "This cannot be undone." in asked
    assert f'name="into" value="{place}"' in asked
    pages.post("PERSON", act="merge", into=place, sure="1")

    assert [span["label"] for span in pages.spans()] == ["PLACE", "PLACE"]
    assert pages.names(kind="span") == ["PLACE"]


@pytest.mark.parametrize("into", ["", "x", "0", "9" * 30])
def test_what_cannot_be_merged_into_is_refused(pages, into):
    assert pages.post("PERSON", act="merge", into=into).status_code == 422


def test_a_label_is_retired_after_a_look_and_brought_back(pages):
    pages.answer(ADA)

    asked = pages.post("PERSON", act="retire").content.decode()
    assert "Retire PERSON?" in asked
    assert "Training goes on learning it from 1 document" in asked
    pages.post("PERSON", act="retire", sure="1")
    assert pages.label("PERSON").retired
    pages.post("PERSON", act="restore")
    assert not pages.label("PERSON").retired
    with tenant_scope(pages.cast.acme):
        assert AuditEvent.objects.filter(action="label.change", target="PERSON").count() == 2


def test_the_matrix_says_what_a_relation_joins(pages):
    person, place = pages.label("PERSON"), pages.label("PLACE")

    pages.save("lives_in", pair=[f"{person.pk}-{place.pk}", f"{place.pk}-{place.pk}"])

    assert pages.label("lives_in").pairs == [[person.pk, place.pk], [place.pk, place.pk]]
    page = pages.client.get(pages.path("lives_in")).content.decode()
    assert page.count('name="pair"') == 4
    assert f'name="pair" value="{person.pk}-{place.pk}" checked' in page
    assert pages.save("lives_in", pair="1-x").status_code == 422


def test_faults_stand_at_their_fields(pages):
    answer = pages.save("PERSON", key="2", definition="Kept.")

    page = answer.content.decode()
    assert answer.status_code == 422
    assert '<span class="fault" id="key-fault">the key 2 is that of &#x27;PLACE&#x27; already</span>' in page
    assert "Kept." in page
    assert pages.save("PERSON", name="PLACE").status_code == 409


def made_from(page) -> str:
    """What a form carries of the state that it was made from."""
    return re.search(r'name="seen" value="(\w+)"', page.content.decode()).group(1)


def test_who_saves_a_label_second_is_told_and_shown_what_stands(pages):
    seen = made_from(pages.client.get(pages.path("PERSON")))
    pages.save("PERSON", definition="Written by **one**.", key="o", seen=seen)

    refused = pages.save("PERSON", definition="Typed by two.", key="t", seen=seen)

    page = refused.content.decode()
    assert refused.status_code == 409
    assert "Somebody else saved this" in page
    assert "Typed by two.</textarea>" in page
    assert "Written by <strong>one</strong>." in page
    assert pages.label("PERSON").key == "o"
    assert pages.save("PERSON", definition="Typed by two.", key="t", seen=made_from(refused)).status_code == 302
    assert pages.label("PERSON").definition == "Typed by two."


def test_a_label_that_was_merged_meanwhile_is_not_there(pages):
    path = pages.path("PERSON")
    pages.post("PERSON", act="merge", into=pages.label("PLACE").pk, sure="1")

    assert pages.client.post(path, {"name": "HUMAN", "sure": "1"}).status_code == 404


def test_who_saves_guidelines_second_is_told_and_a_preview_does_not_hide_it(pages):
    path = reverse("guidelines", args=[pages.cast.acme.slug, pages.project.pk])
    seen = made_from(pages.client.get(path))
    pages.client.post(path, {"guidelines": "Of *one*.", "seen": seen})

    preview = pages.client.post(path, {"guidelines": "Of two.", "seen": seen, "act": "preview"})
    refused = pages.client.post(path, {"guidelines": "Of two.", "seen": made_from(preview)})

    assert preview.status_code == 200
    assert refused.status_code == 409
    assert "Of <em>one</em>." in refused.content.decode()
    assert "Of two.</textarea>" in refused.content.decode()
    assert pages.client.post(path, {"guidelines": "Of two.", "seen": made_from(refused)}).status_code == 302
    with tenant_scope(pages.cast.acme):
        assert Project.objects.get().guidelines == "Of two."


def test_a_list_of_many_labels_takes_as_many_queries_as_a_short_one(pages, django_assert_max_num_queries):
    with tenant_scope(pages.cast.acme):
        for i in range(30):
            labels.add(pages.project, kind="span", name=f"L{i}", actor=None)

    with django_assert_max_num_queries(14):
        pages.client.get(pages.path())


def test_a_question_is_renamed_after_a_look(pages):
    with tenant_scope(pages.cast.acme):
        sent = Submission(uuid4(), 0, {"classes": {"topic": ["praise"]}})
        review.annotate(pages.document, pages.cast.bob, sent)
        topic = Question.objects.get(name="topic")

    asked = pages.post(question_id=topic.pk, new_name="subject")

    assert asked.status_code == 200
    assert "Rename topic?" in asked.text
    assert "It is answered in 1 answer." in asked.text
    assert pages.post(question_id=topic.pk, new_name="tone", sure="1").status_code == 409
    pages.post(question_id=topic.pk, new_name="subject", sure="1")
    with tenant_scope(pages.cast.acme):
        assert Annotation.objects.get().answer["classes"] == {"subject": ["praise"]}
    page = pages.client.get(pages.path()).text
    assert f'id="group-question-{topic.pk}">subject</h2>' in page
    assert "Before: topic" in page
    assert pages.post(question_id="x", new_name="a").status_code == 404


def test_annotators_do_not_change_labels(pages):
    pages.client.force_login(pages.cast.bob)

    assert pages.client.get(pages.path()).status_code == 403
    assert pages.post("PERSON", act="retire", sure="1").status_code == 403


class TestSettings:
    @pytest.fixture
    def path(self, pages):
        return reverse("project-settings", args=[pages.cast.acme.slug, pages.project.pk])

    def sent(self, **changes):
        numbers = {"annotators_per_document": "1", "check_share": "0", "random_share": "20"}
        return {"name": "Mails", "show_times": "on"} | numbers | changes

    def project(self, pages):
        with tenant_scope(pages.cast.acme):
            return Project.objects.get()

    def test_settings_are_shown_and_saved(self, pages, path):
        assert 'value="Mails"' in pages.client.get(path).content.decode()
        sent = self.sent(name="Letters", check_share="12,5 %", random_share="30", allow_overlap="on")
        sent["pending_suggestions"] = "leave"
        del sent["show_times"]

        pages.client.post(path, sent)

        found = self.project(pages)
        assert (found.name, found.check_share, found.random_share) == ("Letters", 0.125, 0.3)
        assert (found.allow_overlap, found.show_times) == (True, False)
        assert found.pending_suggestions == "leave"
        with tenant_scope(pages.cast.acme):
            event = AuditEvent.objects.get(action="project.change")
        assert set(event.detail["changed"]) == {*sent, "show_times"} - {"annotators_per_document", "seen"}

    def test_who_saves_second_is_told_what_stands(self, pages, path):
        seen = made_from(pages.client.get(path))
        pages.client.post(path, self.sent(name="One", seen=seen))

        refused = pages.client.post(path, self.sent(name="Two", random_share="50", seen=seen))

        page = refused.content.decode()
        assert refused.status_code == 409
        assert "<bdi>One</bdi>" in page
        assert 'value="Two"' in page
        assert self.project(pages).random_share == 0.2
        assert pages.client.post(path, self.sent(name="Two", seen=made_from(refused))).status_code == 302

    def test_more_people_a_document_open_what_is_done_again(self, pages, path):
        pages.answer(ADA)
        slots = []

        for people in ("3", "1"):
            pages.client.post(path, self.sent(annotators_per_document=people))
            with tenant_scope(pages.cast.acme):
                pages.document.refresh_from_db()
                slots.append(pages.document.free_slots)

        assert slots == [2, 0]

    def test_faults_stand_at_their_fields(self, pages, path):
        answer = pages.client.post(path, self.sent(name=" ", annotators_per_document="x", check_share="60"))

        page = answer.content.decode()
        assert answer.status_code == 422
        for field in ("name-fault", "people-fault", "check-fault"):
            assert f'id="{field}"' in page
        assert 'value="60"' in page
        assert self.project(pages).name == "Mails"

    def test_a_name_that_is_taken_is_refused(self, pages, path):
        make_project(pages.cast.acme, name="Letters")

        assert pages.client.post(path, self.sent(name="Letters")).status_code == 409

    def test_an_archived_project_hands_out_nothing_and_opens_again(self, pages, path):
        following = f"/t/{pages.cast.acme.slug}/api/v1/projects/{pages.project.pk}/next"
        ask = lambda: pages.client.post(following, {}, content_type="application/json").json()  # noqa: E731

        pages.client.post(path, {"archived": "yes"})
        assert (ask()["document"], ask()["reason"]) == (None, "archived")
        assert "archived" in pages.client.get(path).content.decode()

        pages.client.post(path, {"archived": "no"})
        assert ask()["document"]["id"] == pages.document.pk


def test_guidelines_are_written_with_a_preview(pages):
    path = reverse("guidelines", args=[pages.cast.acme.slug, pages.project.pk])

    shown = pages.client.post(path, {"guidelines": "# When\r\n**always**", "act": "preview"}).content.decode()
    assert "<h3>When</h3>" in shown
    with tenant_scope(pages.cast.acme):
        assert Project.objects.get().guidelines == ""

    pages.client.post(path, {"guidelines": "# When\r\n**always**"})
    with tenant_scope(pages.cast.acme):
        assert Project.objects.get().guidelines == "# When\n**always**"
    assert pages.client.post(path, {"guidelines": "x" * 100_001}).status_code == 422
