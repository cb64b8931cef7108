"""Documents are found by words in any script and by what people made of them, each page by indexes alone."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotator import review
from annotator.errors import Invalid
from annotator.finding import search, words
from annotator.finding.search import Filters
from annotator.importing.store import Row, store_rows
from annotator.models import Annotation, Document, Facet
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project

TEXTS = (
    "Mrs Berg wrote from Oslo.",
    "The BERGEN bill, again.",
    "東京都に住んでいます。",
    "京都に住む",
    "Straße und Ｃａｆé",
    "😀 only :-)",
    "สวัสดีครับ",
    "C++ (5 ‰): a cafe\u0301, the café costs €5 or $24.95",
)


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0, annotators_per_document=2)


@pytest.fixture
def texts(cast, project):
    return add_documents(cast.acme, project, *TEXTS)


def found(cast, project, **filters) -> list[str]:
    with tenant_scope(cast.acme):
        return [row.external_id for row in search.page(project, Filters(**filters)).rows]


def answer(cast, document, user, *labels, **sent) -> None:
    with tenant_scope(cast.acme):
        stands = review.current(document, user)
        spans = [{"start": i, "end": i + 1, "label": label} for i, label in enumerate(labels)]
        given = {"spans": spans, "classes": sent.pop("classes", {})}
        review.annotate(document, user, review.Submission(uuid4(), stands.revision if stands else 0, given, **sent))


@pytest.mark.parametrize(
    ("q", "ids"),
    [
        ("berg", ["d0", "d1"]),
        ("berg oslo", ["d0"]),
        ("Oslo, BERG!", ["d0"]),
        ("erg", []),
        ('"berg wrote"', ["d0"]),
        ('"wrote berg"', []),
        ("京都", ["d2", "d3"]),
        ("東京", ["d2"]),
        ("京", ["d2", "d3"]),
        ("都", ["d2", "d3"]),
        ("住んでいます", ["d2"]),
        ("住んで都", []),
        ("strasse", ["d4"]),
        ("cafe\u0301", ["d4", "d7"]),
        (":-)", ["d5"]),
        ("😀", ["d5"]),
        ("สวัสดี", ["d6"]),
        ("d3", ["d3"]),
        ("%", []),
        ('"€"', ["d7"]),
        ('"++"', ["d7"]),
        ('"$24.95"', ["d7"]),
        ('"4.9"', ["d7"]),
        ('"erg wro"', ["d0"]),
        ('"ERG WROTE"', ["d0"]),
        ('"wrote from O"', ["d0"]),
        ('"erg"', ["d0", "d1"]),
        ('berg "erg wrote"', ["d0"]),
        ('berg "€"', []),
        ('"straße"', ["d4"]),
        ('"RAßE und"', ["d4"]),
        ('"京都に"', ["d2", "d3"]),
        ('"都に住んでいます。"', ["d2"]),
        ('"都"', ["d2", "d3"]),
        ('"‰"', ["d7"]),
        ('"c++ (5 ‰)"', ["d7"]),
        ("“€”", ["d7"]),
        ('"é costs"', ["d7"]),
        ('"cafe"', ["d7"]),
        ('"a café, the"', ["d7"]),
        ('"E CAFE\u0301 COSTS"', ["d7"]),
        ('"d3"', ["d3"]),
        ('"€', ["d7"]),
    ],
)
def test_words_are_found_in_any_script(cast, project, texts, q, ids):
    assert found(cast, project, q=q) == ids


def test_of_a_long_text_the_beginning_is_found(cast, project):
    add_documents(cast.acme, project, "x" * 50 + " " + "word " * (words.READ_CHARACTERS // 5) + "beyond")

    assert found(cast, project, q="word") == ["d0"]
    assert found(cast, project, q="x" * 60) == ["d0"]
    assert found(cast, project, q="beyond") == []


def test_documents_are_found_by_what_people_made_of_them(cast, project, texts):
    answer(cast, texts[0], cast.alice, "PERSON", classes={"topic": ["praise"]})
    answer(cast, texts[0], cast.bob, "PLACE", flag="help", comment="Which?")
    answer(cast, texts[1], cast.alice, "PERSON", flag="flagged")
    answer(cast, texts[1], cast.bob, "PERSON")
    answer(cast, texts[2], cast.bob, state="skipped")
    answer(cast, texts[3], cast.bob, "PLACE", state="draft")

    for filters, ids in (
        ({"label": "span:PERSON"}, ["d0", "d1"]),
        ({"label": "choice:topic=praise"}, ["d0"]),
        ({"label": "span:PLACE"}, ["d0"]),
        ({"annotator": cast.alice.pk}, ["d0", "d1"]),
        ({"annotator": cast.bob.pk}, ["d0", "d1", "d2"]),
        ({"state": "done"}, ["d0", "d1"]),
        ({"state": "skipped"}, ["d2"]),
        ({"state": "draft"}, ["d3"]),
        ({"state": "open"}, ["d2", "d3", "d4", "d5", "d6", "d7"]),
        ({"flag": "help"}, ["d0"]),
        ({"flag": "any"}, ["d0", "d1"]),
        ({"flag": "comment"}, ["d0"]),
        ({"differs": True}, ["d0"]),
        ({"differs": True, "q": "berg", "annotator": cast.bob.pk}, ["d0"]),
        ({"split": "check"}, []),
    ):
        assert found(cast, project, **filters) == ids, filters


def test_what_is_no_longer_true_is_no_longer_found(cast, project, texts):
    answer(cast, texts[0], cast.alice, "PERSON", flag="help")
    answer(cast, texts[0], cast.bob, "PLACE")

    answer(cast, texts[0], cast.alice, "PLACE")

    assert found(cast, project, label="span:PERSON") == found(cast, project, flag="help") == []
    assert found(cast, project, differs=True) == []
    with tenant_scope(cast.acme):
        Annotation.objects.filter(annotator=cast.bob).update(state="skipped")
        assert set(Facet.objects.filter(document=texts[0]).values_list("facet", flat=True)) == {
            "state:submitted", "state:skipped", "span:PLACE", f"by:{cast.alice.pk}", f"by:{cast.bob.pk}",
        }  # fmt: skip


def test_white_space_at_the_edges_of_a_span_is_no_other_opinion(cast, project):
    (document,) = add_documents(cast.acme, project, "Ada\u3000\n met  Bo")
    space = "\u3000\n"
    assert document.text[3:5] == space
    said = [((0, 3), (9, 13)), ((0, 5), (11, 13)), ((0, 4), (10, 13))]

    def submit(user, ends, relation=((0, 1),)):
        spans = [{"start": start, "end": end, "label": "PERSON"} for start, end in ends]
        relations = [{"head": head, "tail": tail, "label": "lives_in"} for head, tail in relation]
        with tenant_scope(cast.acme):
            stands = review.current(document, user)
            given = {"spans": spans, "relations": relations}
            review.annotate(document, user, review.Submission(uuid4(), stands.revision if stands else 0, given))

    submit(cast.alice, said[0])
    for ends in said:
        submit(cast.bob, ends)
        assert found(cast, project, differs=True) == [], ends
    submit(cast.bob, said[0], relation=((1, 0),))
    assert found(cast, project, differs=True) == ["d0"]
    submit(cast.bob, ((0, 3), (6, 13)))
    assert found(cast, project, differs=True) == ["d0"], "another word is"


def test_labels_that_come_with_an_import_are_found(cast, project):
    row = Row(line=1, external_id="x", text="Ada", meta={}, complete=True,
              answer={"spans": [{"start": 0, "end": 3, "label": "PERSON"}]})  # fmt: skip
    with tenant_scope(cast.acme):
        store_rows(project, [row], user=cast.alice)

    assert found(cast, project, label="span:PERSON") == ["x"]


@pytest.mark.parametrize("sort", search.SORTS)
def test_pages_hold_each_document_once_in_any_order(cast, project, sort):
    documents = add_documents(cast.acme, project, *(f"Text {n}" for n in range(23)))
    with tenant_scope(cast.acme):
        for n, document in enumerate(documents[5:15]):
            Document.objects.filter(pk=document.pk).update(priority=(n % 3) / 3)
        seen, cursor = [], ""
        while cursor is not None:
            page = search.page(project, Filters(q="text", sort=sort, cursor=cursor, limit=4))
            seen += [row.pk for row in page.rows]
            cursor = page.following
        everything = {d.pk: d for d in Document.objects.filter(project=project)}

    keys = {
        "oldest": sorted(everything),
        "newest": sorted(everything, reverse=True),
        "uncertain": sorted(everything, key=lambda pk: (-everything[pk].priority, -pk)),
    }
    assert seen == keys[sort]


def test_uncertainty_can_be_asked_for(cast, project, texts):
    with tenant_scope(cast.acme):
        Document.objects.filter(pk=texts[1].pk).update(priority=0.8)

    assert found(cast, project, uncertain=0.5) == ["d1"]


def test_texts_are_read_in_so_many_candidates_a_page_and_no_more(cast, project, monkeypatch):
    monkeypatch.setattr(search, "LOOKED_THROUGH", 5)
    add_documents(cast.acme, project, *("new one" if n == 8 else "one new" for n in range(12)))

    with tenant_scope(cast.acme):
        first = search.page(project, Filters(q='"new one"'))
        second = search.page(project, Filters(q='"new one"', cursor=first.following))
        third = search.page(project, Filters(q='"new one"', cursor=second.following))

    assert (first.rows, first.unfinished) == ([], True)
    assert [row.external_id for row in second.rows] == ["d8"]
    assert (third.following, third.unfinished) == (None, False)


def test_few_are_counted_and_many_are_not(cast, project, texts, monkeypatch):
    monkeypatch.setattr(search, "COUNTED", 3)
    with tenant_scope(cast.acme):
        assert search.count(project, Filters(q="berg")) == 2
        assert search.count(project, Filters()) == 4
        assert search.count(project, Filters(q='"berg wrote"')) is None


@pytest.mark.parametrize(
    ("sort", "cursor"), [("oldest", "x"), ("oldest", "0.5:3"), ("uncertain", "3"), ("newest", "-1")]
)
def test_a_cursor_that_is_none_is_refused(cast, project, sort, cursor):
    with tenant_scope(cast.acme), pytest.raises(Invalid, match="cursor"):
        search.page(project, Filters(sort=sort, cursor=cursor))


def test_a_page_costs_a_fixed_number_of_queries(cast, project, texts):
    for user in (cast.alice, cast.bob):
        answer(cast, texts[0], user, "PERSON")

    with tenant_scope(cast.acme), CaptureQueriesContext(connection) as queries:
        search.page(project, Filters(q='"berg wrote"', state="done", label="span:PERSON", annotator=cast.bob.pk))

    asked = [query["sql"] for query in queries if not query["sql"].startswith("SET")]
    assert len(asked) == 4


def test_every_condition_is_answered_by_an_index(cast, project, texts):
    """Also under row-level security, which keeps operators that are not leakproof from indexes."""
    every = Filters(q="berg 京都", state="open", split="pool", label="span:PERSON", annotator=1, flag="help",
                    differs=True, uncertain=0.5)  # fmt: skip
    ids, values = search._ids(project, every)
    with tenant_scope(cast.acme), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {ids}", values)
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Seq Scan" not in plan
    for condition in ("word", "facet"):
        assert any(condition in line for line in plan.splitlines() if "Index Cond" in line), plan


@pytest.mark.parametrize(
    ("text", "asked", "pieces"),
    [
        ("A short text", "", ["A short text"]),
        ("A short text", "SHO", ["A ", "sho", "rt text"]),
        ("a " * 300 + "needle in it", "needle", None),
        ("[x] (y", "(y", None),
        ("It costs €5", '"€"', ["It costs ", "€", "5"]),
        ("Bergen", '"ERG"', ["B", "erg", "en"]),
        ("cafe\u0301 noir", "café", ["", "cafe\u0301", " noir"]),
        ("cafe\u0301 noir", '"é n"', ["caf", "e\u0301 n", "oir"]),
        ("a " * 300 + "C++ is", '"++"', None),
    ],
)
def test_excerpts_show_what_was_found(text, asked, pieces):
    told = search.excerpt(text, asked)

    assert len("".join(told)) <= search.EXCERPT + 2
    if pieces is None:
        assert told[1::2]
        assert told[1].strip("(") in asked.replace('"', "")
    else:
        assert told == pieces


def test_a_batch_is_indexed_word_by_word_in_the_order_of_the_index(cast, project):
    documents = [(12, "b", "Oslo, 東京 Oslo"), (3, "a", "oslo " + "x" * 50)]

    assert words.postings(1, 2, documents) == [
        1, 2, " ".join(["a", "b", "oslo", "x" * 40, "京", "東京"]), "3 12 3,12 3 12 12"
    ]  # fmt: skip


@pytest.mark.parametrize(("table", "links"), [("posting", 1), ("facet", 2)])
def test_a_row_of_the_index_is_looked_up_in_no_table_that_its_project_answers_for(db, table, links):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE contype = 'f'), count(*) FILTER (WHERE pg_get_constraintdef(oid) = %s)"
            " FROM pg_constraint WHERE conrelid = %s::regclass",
            ["UNIQUE (tenant_id, id)", f"annotator_{table}"],
        )
        assert cursor.fetchone() == (links, 0)
