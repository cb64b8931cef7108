"""The ledger: what models suggested, and what people decided about it. Rows are added, never changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet

from annotator import queue
from annotator.errors import Detail, Invalid
from annotator.models import Annotation, Decision, Document, Project, Suggestion
from annotator.spans import Answer, Schema, Span, Thing, span_fault

Prediction = Mapping[str, Any]
WRONG = (Decision.Verdict.REJECT, Decision.Verdict.CORRECT)
# What is recorded of a held-out document: that it was asked about.
NOTHING: Prediction = {"spans": (), "choices": {}, "relations": (), "uncertainty": 0.0}
ENDS = ("start", "end")  # only what a span became has them
# Where the dictionary's suggestions come from: what people marked before, a term list, or a mark in the very text.
SOURCES = ("accepted", "list", "document")
NAMED = ("suggestion", "item")
OF_DICTIONARY = 0  # among suggestions by their ids: what the dictionary suggests has none until it is on record

# The same as standing(), of decisions that a query calls v.
LAST_WORD = """NOT EXISTS (
    SELECT FROM annotator_decision later WHERE later.suggestion_id = v.suggestion_id AND later.item = v.item
      AND later.user_id = v.user_id AND later.id > v.id
)"""


def current(prediction: Prediction, schema: Schema) -> Prediction:
    """A model's answer in the labels of today: under their names, without those that are not given any more.

    ``prediction`` is ``{"spans": [{"start", "end", "label", "score"}], "choices": {question: [{"label", "score"}]},
    "relations": [{"head", "tail", "label", "score"}]}`` with the best choice first; a relation's ends are places in
    ``spans``.
    """
    now = schema.names.now
    spans = [{**span, "label": now("span", None, span["label"])} for span in prediction["spans"]]
    kept = [i for i, span in enumerate(spans) if schema.gives("span", None, span["label"])]
    places = {old: new for new, old in enumerate(kept)}
    relations = [
        {**relation, "label": now("relation", None, relation["label"])}
        for relation in prediction["relations"]
        if relation["head"] in places and relation["tail"] in places
    ]
    return {
        **prediction,
        "spans": [spans[i] for i in kept],
        "choices": {
            schema.names.asked(question): _choices(schema.names.asked(question), given, schema)
            for question, given in prediction["choices"].items()
        },
        "relations": [
            {**relation, "head": places[relation["head"]], "tail": places[relation["tail"]]}
            for relation in relations
            if schema.gives("relation", None, relation["label"])
            and schema.joins(relation["label"], *(spans[relation[end]]["label"] for end in ("head", "tail")))
        ],
    }


def _choices(question: str, given: Sequence[Mapping[str, Any]], schema: Schema) -> list[dict[str, Any]]:
    """Two choices that have become the same are one, the better."""
    best: dict[str, dict[str, Any]] = {}
    for choice in given:
        name = schema.names.now("choice", question, choice["label"])
        if schema.gives("choice", question, name):
            best.setdefault(name, {**choice, "label": name})
    return list(best.values())


def items_of(prediction: Prediction, schema: Schema) -> list[dict[str, Any]]:
    """A model's answer about one text as numbered items, the form in which people decide on them.

    A relation item's ends are ids of span items. A question that takes one choice is suggested the best one.
    """
    known = current(prediction, schema)
    spans = [{"id": f"s{i}", "kind": "span", **span} for i, span in enumerate(known["spans"])]
    choices = [
        {"question": question, **choice}
        for question, given in known["choices"].items()
        for choice in (given if question in schema.questions and schema.questions[question].multiple else given[:1])
    ]
    return [
        *spans,
        *({"id": f"c{i}", "kind": "choice", **choice} for i, choice in enumerate(choices)),
        *(
            {"id": f"r{i}", "kind": "relation", **relation} | {end: f"s{relation[end]}" for end in ("head", "tail")}
            for i, relation in enumerate(known["relations"])
        ),
    ]


def record(project: Project, version: int, predictions: Iterable[tuple[int, Prediction]]) -> int:
    """Add one row for each (document id, prediction); documents that this version has seen are left as they are, and
    what was deleted meanwhile is left out."""
    schema, predictions = Schema.of(project), list(predictions)
    there = queue.kept([document_id for document_id, _ in predictions])
    rows = [
        Suggestion(
            project=project,
            document_id=document_id,
            version=version,
            items=items_of(prediction, schema),
            uncertainty=prediction["uncertainty"],
        )
        for document_id, prediction in predictions
        if document_id in there
    ]
    return len(Suggestion.objects.bulk_create(rows, ignore_conflicts=True))


def decide(
    annotation: Annotation, decisions: Sequence[Mapping[str, Any]], document: Document, schema: Schema
) -> set[tuple[int, int, str]]:
    """Append a person's verdicts on suggested items of the document that they answered; the spans that they turned
    down. Raises as clean() does. Of a held-out document no verdict on terms is kept: there the dictionary is silent.
    """
    cleaned, known = _cleaned(document.pk, decisions, annotation.answer, document.text, schema)
    if document.split == Document.Split.CHECK:
        cleaned = [decision for decision in cleaned if "term" not in decision]
    ledger = _on_record(annotation, cleaned)
    rows = [
        Decision(
            project_id=annotation.project_id,
            suggestion_id=suggestion,
            item=item,
            user=annotation.annotator,
            verdict=decision["verdict"],
            correction=decision.get("correction"),
            milliseconds=decision.get("milliseconds"),
            submit_id=annotation.submit_id,
        )
        for decision, (suggestion, item) in zip(cleaned, ledger, strict=True)
    ]
    Decision.objects.bulk_create(rows, ignore_conflicts=True)
    wrong = [
        decision.get("term") or known[decision["suggestion"]][decision["item"]]
        for decision in cleaned
        if decision["verdict"] in WRONG
    ]
    return {(item["start"], item["end"], item["label"]) for item in wrong if item.get("kind", "span") == "span"}


def _on_record(annotation: Annotation, cleaned: Sequence[Mapping[str, Any]]) -> list[tuple[int, str]]:
    """The suggestion and item of each of these decisions; terms that were decided on become a suggestion by that."""
    terms = [decision["term"] for decision in cleaned if "term" in decision]
    items = [{"id": f"s{i}", "kind": "span", **term} for i, term in enumerate(terms)]
    of_terms = Suggestion(
        project_id=annotation.project_id,
        document_id=annotation.document_id,
        version=None,
        items=items,
        uncertainty=0.0,
    )
    if items:
        of_terms.save()
    names = iter(items)
    return [
        (of_terms.pk, next(names)["id"]) if "term" in decision else (decision["suggestion"], decision["item"])
        for decision in cleaned
    ]


def clean(
    document_id: int, decisions: Sequence[Mapping[str, Any]], answer: Answer, text: str, schema: Schema
) -> list[dict[str, Any]]:
    """Verdicts on suggested items of a document, one an item: those that go with an answer, or with a draft of it.

    Each is ``{"suggestion": id, "item": "s0", "verdict": "accept" | "reject" | "correct" | "leave",
    "correction"?: item, "milliseconds"?: int}``; what the dictionary suggested is said instead of named: ``"term":
    {"start", "end", "label", "source"}``. Raises Invalid naming each one that does not fit the answer, or the text.
    """
    return _cleaned(document_id, decisions, answer, text, schema)[0]


def _cleaned(
    document_id: int, decisions: Sequence[Mapping[str, Any]], answer: Answer, text: str, schema: Schema
) -> tuple[list[dict[str, Any]], Mapping[int, Mapping[str, Mapping[str, Any]]]]:
    """The same, and the items that they are about, by suggestion."""
    if not decisions:
        return [], {}
    decisions = [_of_term(raw) for raw in decisions]
    named = {_id(raw) for raw in decisions} - {OF_DICTIONARY}
    shown = Suggestion.objects.filter(document=document_id, pk__in=named) if named else ()
    said = {s.pk: {item["id"]: item for item in s.items} for s in shown}
    terms = {raw["item"]: {"kind": "span", **raw["term"]} for raw in decisions if _fits(raw.get("term"), text, schema)}
    said[OF_DICTIONARY] = terms
    known = {pk: {name: schema.names.item(item) for name, item in items.items()} for pk, items in said.items()}
    errors: list[Detail] = []
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for i, raw in enumerate(decisions):
        place = f"decisions[{i}]"
        if _overtaken(raw, said, known, answer):
            continue
        reason = _fault(raw, known, answer)
        if not reason and raw.get("correction") is not None:
            place += ".correction"
            reason = _correction_fault(raw, known[_id(raw)][raw["item"]], answer, text, schema)
        if reason:
            errors.append({"field": place, "reason": reason})
            continue
        more = {name: raw[name] for name in ("correction", "milliseconds") if raw.get(name) is not None}
        if "correction" in more and known[_id(raw)][raw["item"]]["kind"] != "span":
            more["correction"] = {name: value for name, value in raw["correction"].items() if name not in ENDS}
        about = {"term": _term(known[_id(raw)][raw["item"]])} if "term" in raw else {name: raw[name] for name in NAMED}
        found[_id(raw), raw["item"]] = about | {"verdict": raw["verdict"]} | more
    if errors:
        raise Invalid("invalid_decision", f"{errors[0]['field']}: {errors[0]['reason']}", errors)
    return list(found.values()), known


def _of_term(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """A decision on what the dictionary suggested, named by what that says."""
    term = raw.get("term")
    if term is None:
        return {name: value for name, value in raw.items() if name != "term"}
    told = [term.get(name) for name in ("start", "end", "label")] if isinstance(term, Mapping) else []
    return {**raw, "suggestion": OF_DICTIONARY, "item": " ".join(map(str, told))}


def _fits(term: Any, text: str, schema: Schema) -> bool:
    """Whether this can have been suggested: a span of the text, and where it came from."""
    if not isinstance(term, Mapping) or term.get("source") not in SOURCES or not isinstance(term.get("label"), str):
        return False
    return not span_fault({**term, "label": schema.names.now("span", None, term["label"])}, text, schema)


def _term(item: Mapping[str, Any]) -> dict[str, Any]:
    return {**_span(item), "source": item["source"]}


def _id(raw: Mapping[str, Any]) -> int:
    value = raw.get("suggestion")
    return value if type(value) is int else -1


def _overtaken(
    raw: Mapping[str, Any],
    said: Mapping[int, Mapping[str, Any]],
    known: Mapping[int, Mapping[str, Any]],
    answer: Answer,
) -> bool:
    """Whether it turns down what was another label then, and has since been merged into the one that was given."""
    name = str(raw.get("item"))
    item = known.get(_id(raw), {}).get(name)
    if item is None or raw.get("verdict") not in (Decision.Verdict.REJECT, Decision.Verdict.LEAVE):
        return False
    return bool(item["label"] != said[_id(raw)][name]["label"]) and holds(answer, item, known[_id(raw)])


def _fault(raw: Mapping[str, Any], known: Mapping[int, Mapping[str, Any]], answer: Answer) -> str:
    items = known.get(_id(raw))
    if "term" in raw and raw["item"] not in (items or {}):
        return "term must be a span of the text with a span label, and a source: accepted, list or document"
    if items is None or ("term" not in raw and _id(raw) == OF_DICTIONARY):
        return "there is no such suggestion for this document"
    item = items.get(str(raw.get("item")))
    if item is None:
        return f"that suggestion has no item {raw.get('item')!r}"
    verdict = raw.get("verdict")
    if verdict not in Decision.Verdict.values:
        return "verdict must be accept, reject, correct or leave"
    if verdict == Decision.Verdict.ACCEPT and not holds(answer, item, items):
        return "says accept, but the answer does not hold that item" + (
            " between the spans that were suggested" if item["kind"] == "relation" else ""
        )
    if verdict in (Decision.Verdict.REJECT, Decision.Verdict.LEAVE) and holds(answer, item, items):
        return f"says {verdict}, but the answer holds that item"
    milliseconds = raw.get("milliseconds")
    if milliseconds is not None and (type(milliseconds) is not int or not 0 <= milliseconds < 2**31):
        return "milliseconds must be a whole number from 0"
    return ""


def _correction_fault(
    raw: Mapping[str, Any], item: Mapping[str, Any], answer: Answer, text: str, schema: Schema
) -> str:
    """Why an item cannot have become this; a relation's correction says its label alone."""
    given = raw["correction"]
    kind, question = item["kind"], item.get("question")
    if not isinstance(given, Mapping):
        return f"must be a {kind}, as what was suggested"
    if raw["verdict"] != Decision.Verdict.CORRECT:
        return "goes with the verdict correct only"
    if given.get("kind", kind) != kind or given.get("question", question) != question:
        return f"must be a {kind}" + (f" of {question!r}" if question else "") + ", as what was suggested"
    if not isinstance(given.get("label"), str):
        return "must have a label"
    now = {**given, "label": schema.names.now(kind, question, given["label"])}
    if kind == "relation":
        known = now["label"] in schema.relations
        return "" if known else f"there is no relation label {now['label']!r} in this project"
    if kind == "span":
        return span_fault(now, text, schema) or ("" if _span(now) in answer["spans"] else "the answer does not hold it")
    return "" if now["label"] in answer["classes"].get(question, []) else "the answer does not hold it"


def holds(answer: Mapping[str, Any], item: Mapping[str, Any], items: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether an answer says what this item suggests; a relation: between the very spans that were suggested."""
    if item["kind"] == "choice":
        return item["label"] in answer["classes"].get(item["question"], [])
    if item["kind"] == "span":
        return _span(item) in answer["spans"]
    ends = [_span(items[item[end]]) for end in ("head", "tail")]
    if not all(span in answer["spans"] for span in ends):
        return False
    head, tail = (answer["spans"].index(span) for span in ends)
    return {"head": head, "tail": tail, "label": item["label"]} in answer["relations"]


def _span(item: Mapping[str, Any]) -> Span:
    return {"start": item["start"], "end": item["end"], "label": item["label"]}


def standing(project: Project) -> QuerySet[Decision]:
    """People's verdicts as they stand: of what one person said of an item with one answer after the other, the last."""
    return _last_words().filter(project=project)


def of_models(project: Project) -> QuerySet[Decision]:
    """Those of them that are about what models suggested, not the dictionary."""
    return standing(project).filter(suggestion__version__isnull=False)


def _last_words() -> QuerySet[Decision]:
    same = {name: OuterRef(name) for name in ("suggestion", "item", "user")}
    return Decision.objects.filter(~Exists(Decision.objects.filter(**same, pk__gt=OuterRef("pk"))))


def turned_down(documents: Collection[int], schema: Schema) -> dict[tuple[int, int], frozenset[Thing]]:
    """What people said is wrong, in today's labels, by document and person: suggested items that they rejected or
    corrected, by their last word on each."""
    wrong = _last_words().filter(suggestion__document__in=documents, verdict__in=WRONG)
    found: dict[tuple[int, int], set[Thing]] = {}
    for document, user, name, items in wrong.values_list("suggestion__document", "user", "item", "suggestion__items"):
        known = {item["id"]: schema.names.item(item) for item in items}
        if name in known:
            found.setdefault((document, user), set()).add(_thing(known[name], known))
    return {key: frozenset(things) for key, things in found.items()}


def _thing(item: Mapping[str, Any], items: Mapping[str, Mapping[str, Any]]) -> Thing:
    """The same as spans.things() has it."""
    if item["kind"] == "choice":
        return "choice", item["question"], item["label"]
    if item["kind"] == "span":
        return "span", item["start"], item["end"], item["label"]
    head, tail = (_thing(items[item[end]], items)[1:] for end in ("head", "tail"))
    return "relation", head, tail, item["label"]


def acceptance(project: Project) -> list[dict[str, Any]]:
    """For each version that people decided on: how many items they accepted, rejected, corrected or left alone.

    ``rate`` is the share of all these that was accepted: what people saw and did not take was of no use to them.
    """
    rows = (
        of_models(project)
        .values("suggestion__version", "verdict")
        .annotate(n=Count("pk"))
        .order_by("suggestion__version")
    )
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        version = row["suggestion__version"] or 0
        counts = found.setdefault(version, {"version": version, **dict.fromkeys(Decision.Verdict.values, 0)})
        counts[row["verdict"]] = row["n"]
    for counts in found.values():
        counts["rate"] = counts["accept"] / sum(counts[verdict] for verdict in Decision.Verdict.values)
    return list(found.values())


def unseen(project: Project, version: int, document_ids: Sequence[int]) -> list[int]:
    """Those of these documents that the version has not looked at."""
    seen = set(
        Suggestion.objects.filter(project=project, version=version, document__in=document_ids).values_list(
            "document_id", flat=True
        )
    )
    return [pk for pk in document_ids if pk not in seen]
