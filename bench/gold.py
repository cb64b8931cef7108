"""What a perfect annotator answers, and how a document is answered over HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, NamedTuple

from annotator.demo import mail
from bench.client import Client

Gold = Callable[[str], Mapping[str, Any]]  # from a document's external id to its labelled line


def demo_gold(external_id: str) -> Mapping[str, Any]:
    """The demo generator writes the mail again: nobody has to hold a hundred thousand of them."""
    _, seed, number = external_id.split("-")
    return mail(int(number), seed=int(seed))


class Answered(NamedTuple):
    """One document done: the seconds that each call took, and what it was."""

    next_seconds: float
    submit_seconds: float
    submitted_at: float
    split: str


def annotate(client: Client, project: int, gold: Gold) -> Answered | None:
    """Submit the next document's gold labels, with a verdict on each suggested item; None when all is done."""
    began = perf_counter()
    given = client("POST", f"/projects/{project}/next")
    got = perf_counter()
    document = given["document"]
    if document is None:
        return None
    line = gold(document["external_id"])
    body = {
        "submit_id": str(uuid.uuid4()),
        "revision": given["annotation"]["revision"] if given["annotation"] else 0,
        "spans": line["spans"],
        "classes": line["classes"],
        "relations": line["relations"],
        "decisions": verdicts(given["suggestion"]["suggestion"], line),
    }
    sending = perf_counter()
    client("PUT", f"/documents/{document['id']}/annotation", body)
    return Answered(got - began, perf_counter() - sending, sending, document.get("split", ""))


def _place(span: Mapping[str, Any]) -> tuple[int, int, str]:
    return span["start"], span["end"], span["label"]


def verdicts(suggestion: Mapping[str, Any] | None, line: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Accept what is in the gold answer, reject the rest."""
    if suggestion is None:
        return []
    items = {item["id"]: item for item in suggestion["items"]}
    spans = [_place(span) for span in line["spans"]]
    relations = {(spans[one["head"]], spans[one["tail"]], one["label"]) for one in line["relations"]}

    def right(item: Mapping[str, Any]) -> bool:
        if item["kind"] == "choice":
            return item["label"] in line["classes"].get(item["question"], [])
        if item["kind"] == "relation":
            return (_place(items[item["head"]]), _place(items[item["tail"]]), item["label"]) in relations
        return _place(item) in spans

    return [
        {
            "suggestion": suggestion["id"],
            "item": item["id"],
            "verdict": "accept" if right(item) else "reject",
            "milliseconds": 400,
        }
        for item in suggestion["items"]
    ]
