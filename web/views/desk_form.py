"""The desk as an ordinary form: what stands in it, what came from it, and what is wrong with that.

Where scripts run, they put the whole answer into the field ``answer``. Where none do, it is read from checkboxes
(labels that stay, suggestions that are accepted), from the choices, and from rows in which words and a label are typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID, uuid4, uuid5

import orjson
from django.http import QueryDict
from django.utils.translation import gettext as _

from annotator import suggestions
from annotator.errors import Invalid, Refusal
from annotator.models import Annotation, Document, Project, Suggestion
from annotator.review import Submission
from annotator.said import here

BLANK_ROWS = 3
SPANS_FIELD = re.compile(r"spans\[(\d+)\]")


@dataclass
class Row:
    """A checkbox: its value, the words it is about, their label, and whether it is ticked."""

    value: str
    words: str
    label: str
    ticked: bool = True
    percent: int | None = None


@dataclass
class Typed:
    """A row in which words and a label are typed."""

    words: str = ""
    label: str = ""
    fault: str = ""


@dataclass
class Plain:
    """The form of one document."""

    document: Document
    revision: int = 0
    submit_id: str = field(default_factory=lambda: str(uuid4()))
    spans: list[dict[str, Any]] = field(default_factory=list)
    classes: dict[str, list[str]] = field(default_factory=dict)
    relations: list[dict[str, Any]] = field(default_factory=list)
    flag: str = ""
    comment: str = ""
    milliseconds: int | None = None
    typed: list[Typed] = field(default_factory=list)
    suggestion: Suggestion | None = None
    accepted: frozenset[str] = frozenset()
    decisions: list[dict[str, Any]] = field(default_factory=list)
    scripted: bool = False
    undecided: str = ""
    act: str = "done"
    faults: list[str] = field(default_factory=list)

    @classmethod
    def standing(cls, document: Document, annotation: Mapping[str, Any] | None) -> Self:
        """The form as somebody finds it; ``annotation`` in the API's shape."""
        form = cls(document)
        if annotation is not None:
            for name in ("revision", "spans", "classes", "relations", "flag", "comment", "milliseconds", "decisions"):
                setattr(form, name, annotation[name])
        return form

    @classmethod
    def sent(cls, sent: QueryDict, document: Document) -> Self:
        """The form as it came."""
        shown = sent.get("suggestion", "")
        held_out = document.split == Document.Split.CHECK
        suggestion = Suggestion.objects.filter(document=document, pk=shown) if _number(shown) and not held_out else None
        form = cls(
            document,
            revision=_number(sent.get("revision", "")) or 0,
            submit_id=sent.get("submit_id", ""),
            flag=sent.get("flag", ""),
            comment=sent.get("comment", "").replace("\r\n", "\n"),
            milliseconds=_number(sent.get("milliseconds", "")),
            suggestion=suggestion.first() if suggestion is not None else None,
            undecided=sent.get("undecided", ""),
            act=sent.get("act", "done"),
        )
        answer = sent.get("answer", "")
        if answer:
            form._read_answer(answer)
        else:
            form._read_fields(sent)
        return form

    def _read_answer(self, raw: str) -> None:
        """What the scripts made of the work, verdicts and all."""
        self.scripted = True
        match _parsed(raw):
            case {"spans": list(spans), "classes": dict(classes), "relations": list(relations), **more}:
                self.spans = [whole for span in spans if (whole := _whole(span, self.document))]
                self.classes = {question: chosen for question, chosen in classes.items() if isinstance(chosen, list)}
                self.relations = [whole for relation in relations if (whole := _joining(relation, self.spans))]
                self.decisions = _decisions(more.get("decisions"))
                if len(self.spans) == len(spans) and len(self.relations) == len(relations):
                    return
        self.faults.append(_("What was sent is broken. Please try again."))

    def _read_fields(self, sent: QueryDict) -> None:
        """What was ticked and typed."""
        self.spans = [span for value in sent.getlist("span") if (span := _span(_parsed(value)))]
        for name in sent:
            # Nothing ticked says nothing: "none of these" is what finishing says.
            if name.startswith("choice-") and (chosen := [choice for choice in sent.getlist(name) if choice]):
                self.classes[name.removeprefix("choice-")] = chosen
        self.accepted = frozenset(sent.getlist("accept"))
        self.decisions = _decisions(_parsed(sent.get("decided", "")))
        rows = zip(sent.getlist("words"), sent.getlist("label"), strict=False)
        self.typed = [Typed(words.strip(), label) for words, label in rows if words.strip()]
        for item in self._items("span"):
            if item["id"] in self.accepted:
                self._add({name: item[name] for name in ("start", "end", "label")})
        for row in self.typed:
            self._find(row)
        for value in sent.getlist("relation"):
            self._relate(_parsed(value))
        for item in self._items("relation"):
            if item["id"] in self.accepted:
                ends = [next(one for one in self._items("span") if one["id"] == item[end]) for end in ("head", "tail")]
                self._relate([*([end["start"], end["end"], end["label"]] for end in ends), item["label"]])

    def _items(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in (self.suggestion.items if self.suggestion else []) if item["kind"] == kind]

    def _add(self, span: dict[str, Any]) -> None:
        if span not in self.spans:
            self.spans.append(span)

    def _find(self, row: Typed) -> None:
        """The first place where the words stand and have not got that label yet."""
        text, start = self.document.text, -1
        while (start := text.find(row.words, start + 1)) >= 0:
            span = {"start": start, "end": start + len(row.words), "label": row.label}
            if span not in self.spans:
                self.spans.append(span)
                return
        row.fault = _("These words are not in the text, or have that label everywhere.")

    def _relate(self, ends: Any) -> None:
        """A relation between two spans that are both still there; with one of them it goes."""
        match ends:
            case [head, tail, str(label)]:
                places = [self.spans.index(span) for end in (head, tail) if (span := _span(end)) in self.spans]
                if len(places) == 2:
                    self.relations.append({"head": places[0], "tail": places[1], "label": label})

    # --- out ------------------------------------------------------------------------------------------------------

    def submission(self) -> Submission:
        """What review.annotate() takes. Raises Invalid where the form itself is wrong."""
        if self.asks and self.undecided not in ("reject", "leave"):
            self.faults.append(_("Say what becomes of the suggestions that you did not tick."))
        if self.faults or any(row.fault for row in self.typed):
            raise Invalid("invalid_form", "")
        skipped = self.act == "skip"
        answer = {"spans": self.spans, "classes": self.classes, "relations": self.relations}
        return Submission(
            submit_id=self._submit_id(answer),
            revision=self.revision,
            answer=answer,
            state=Annotation.State.SKIPPED if skipped else Annotation.State.SUBMITTED,
            complete=self.act != "part",
            decisions=[] if skipped else self._verdicts(answer),
            flag=self.flag,
            comment=self.comment,
            milliseconds=self.milliseconds,
        )

    def _submit_id(self, answer: dict[str, Any]) -> UUID:
        """Of the form and what it says: sent twice it is one act; gone back to and changed, it is another."""
        try:
            form = UUID(self.submit_id)
        except ValueError:
            form = uuid4()
        said = [answer, self.act, self.flag, self.comment]
        return uuid5(form, orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode())

    @property
    def rule(self) -> str:
        """What finishing does to suggestions that nobody decided on."""
        return self.document.project.pending_suggestions

    @property
    def asks(self) -> bool:
        """Whether it has to be said what becomes of them."""
        said = {"spans": self.spans, "classes": self.classes, "relations": self.relations}
        asked = self.act == "done" and self.rule == Project.Pending.ASK and not self.scripted
        return asked and bool(self._undecided(said))

    def _kept(self) -> dict[str, dict[str, Any]]:
        """Verdicts of a draft that go on, by item: rejected, or corrected to what still stands."""
        of_this = [one for one in self.decisions if self.suggestion and one.get("suggestion") == self.suggestion.pk]
        kept = {str(one.get("item")): one for one in of_this if one.get("verdict") in ("reject", "correct")}
        for item, one in kept.items():
            now = one.get("correction")
            if one["verdict"] == "correct" and not (now and _whole(now, self.document) in self.spans):
                kept[item] = {name: one[name] for name in ("suggestion", "item")} | {"verdict": "reject"}
        return kept

    def _undecided(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        items = {item["id"]: item for item in self.suggestion.items} if self.suggestion else {}
        kept = self._kept()
        return [
            item for item in items.values() if item["id"] not in kept and not suggestions.holds(answer, item, items)
        ]

    def _verdicts(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Of what was offered with a checkbox: taken; decided on before; or, if the answer is finished, by the rule."""
        if self.scripted or self.suggestion is None:
            return self.decisions if self.scripted else []
        items = {item["id"]: item for item in self.suggestion.items}
        rest = self.undecided if self.rule == Project.Pending.ASK else self.rule
        found = [self._verdict(item, "accept") for item in items if suggestions.holds(answer, items[item], items)]
        found += [one for item, one in self._kept().items() if item not in {said["item"] for said in found}]
        if self.act == "done":
            found += [self._verdict(item["id"], rest) for item in self._undecided(answer)]
        return found

    def _verdict(self, item: str, verdict: str) -> dict[str, Any]:
        return {"suggestion": self.suggestion.pk if self.suggestion else 0, "item": item, "verdict": verdict}

    def take(self, refusal: Refusal) -> None:
        """Keep what a refusal says, in words that name the words."""
        if not refusal.details and refusal.message:
            self.faults.append(refusal.said)
        for detail in refusal.details:
            where = SPANS_FIELD.match(detail.get("field", ""))
            named = detail.get("field", "")
            if where and int(where.group(1)) < len(self.spans):
                span = self.spans[int(where.group(1))]
                named = f"“{self.document.text[span['start'] : span['end']]}” {span['label']}"
            reason = here(detail["reason"])
            self.faults.append(f"{named}: {reason}" if named else reason)

    def annotation(self) -> dict[str, Any]:
        """What was typed, in the API's shape: the page goes on from it, with or without scripts."""
        return {
            "document": self.document.pk,
            "revision": self.revision,
            "state": "draft",
            "stands": "",
            "complete": True,
            "submit_id": self.submit_id,
            "flag": self.flag,
            "comment": self.comment,
            "milliseconds": self.milliseconds,
            "spans": self.spans,
            "classes": self.classes,
            "relations": self.relations,
            "decisions": self.decisions,
        }

    # --- for the template -----------------------------------------------------------------------------------------

    def offer(self, suggestion: Suggestion | None) -> None:
        """Put a suggestion beside the form, unless it was sent with one."""
        self.suggestion = self.suggestion or suggestion

    @property
    def span_rows(self) -> list[Row]:
        return [Row(_value(span), self._words(span), span["label"]) for span in self.spans]

    @property
    def relation_rows(self) -> list[Row]:
        rows = []
        for relation in self.relations:
            head, tail = self.spans[relation["head"]], self.spans[relation["tail"]]
            value = orjson.dumps([_ends(head), _ends(tail), relation["label"]]).decode()
            rows.append(Row(value, f"{self._words(head)} → {self._words(tail)}", relation["label"]))
        return rows

    @property
    def offers(self) -> bool:
        """Whether anything is suggested; choices stand at their questions."""
        return bool(self.suggestion and self.suggestion.items)

    @property
    def item_rows(self) -> list[Row]:
        """Suggested spans and relations that do not stand yet."""
        spans = {item["id"]: item for item in self._items("span")}
        rows = [
            Row(item["id"], self._words(item), item["label"], item["id"] in self.accepted, _percent(item))
            for item in spans.values()
            if {name: item[name] for name in ("start", "end", "label")} not in self.spans
        ]
        for item in self._items("relation"):
            words = f"{self._words(spans[item['head']])} → {self._words(spans[item['tail']])}"
            rows.append(Row(item["id"], words, item["label"], item["id"] in self.accepted, _percent(item)))
        return rows

    @property
    def decided(self) -> str:
        """The verdicts of the draft, which go on with it."""
        return orjson.dumps(self.decisions).decode() if self.decisions else ""

    @property
    def typed_rows(self) -> list[Typed]:
        """Rows whose words were not found keep them; the rest are blank again."""
        wrong = [row for row in self.typed if row.fault]
        return wrong + [Typed() for _ in range(max(1, BLANK_ROWS - len(wrong)))]

    def suggested(self, question: str) -> dict[str, int]:
        """The choices that the model suggests, with their scores in percent."""
        return {i["label"]: _percent(i) for i in self._items("choice") if i["question"] == question}

    def _words(self, span: Mapping[str, Any]) -> str:
        return self.document.text[span["start"] : span["end"]]


def _number(typed: str) -> int | None:
    return int(typed) if typed.isdecimal() and len(typed) < 10 else None


def _parsed(raw: str) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _decisions(raw: Any) -> list[dict[str, Any]]:
    return [one for one in raw if isinstance(one, dict)] if isinstance(raw, list) else []


def _whole(span: Any, document: Document) -> dict[str, Any] | None:
    """A span that lies in the text, or nothing."""
    match span:
        case {"start": int(start), "end": int(end), "label": str(label)} if 0 <= start < end <= len(document.text):
            return {"start": start, "end": end, "label": label}
    return None


def _joining(relation: Any, spans: list[dict[str, Any]]) -> dict[str, Any] | None:
    match relation:
        case {"head": int(head), "tail": int(tail), "label": str(label)} if {head, tail} <= set(range(len(spans))):
            return {"head": head, "tail": tail, "label": label}
    return None


def _ends(span: Mapping[str, Any]) -> list[Any]:
    return [span["start"], span["end"], span["label"]]


def _value(span: Mapping[str, Any]) -> str:
    return orjson.dumps(_ends(span)).decode()


def _span(ends: Any) -> dict[str, Any] | None:
    match ends:
        case [int(start), int(end), str(label)] if 0 <= start < end:
            return {"start": start, "end": end, "label": label}
    return None


def _percent(item: Mapping[str, Any]) -> int:
    return max(1, min(99, round(float(item["score"]) * 100)))
