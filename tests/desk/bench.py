"""A tenant with one project and one annotator before the real desk, for tests that begin there."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route

from tests.browser import Desk, sign_in
from tests.install import Client, Install

SPEC = {
    "name": "Letters",
    "spans": ["PERSON", "PLACE"],
    "questions": [{"name": "topic", "choices": ["billing", "delivery"]}],
    "relations": ["lives in", "works in"],
    "check_share": 0,
}


class Bench:
    """The texts get the ids d0, d1, …; the queue hands them out in any order."""

    def __init__(self, place: Install, name: str, *texts: str, **changes: Any) -> None:
        self.place, self.slug, self.person = place, name, f"{name}-ann"
        lines = [{"id": f"d{i}", "text": text} for i, text in enumerate(texts)]
        self.lines = changes.pop("lines", lines)
        self.api: Client = place.tenant(name, person=self.person, spec=SPEC | changes)
        self.project = self.api("GET", "/projects")["items"][0]["id"]
        body = "\n".join(map(json.dumps, self.lines)).encode()
        jsonl = {"Content-Type": "application/x-ndjson"}
        self.api("POST", f"/projects/{self.project}/import", content=body, headers=jsonl)

    @property
    def url(self) -> str:
        return f"{self.place.url}/t/{self.slug}/projects/{self.project}/desk"

    def page(self, context: BrowserContext) -> Page:
        return sign_in(context, self.place, self.person)

    def desk(self, context: BrowserContext) -> Desk:
        return Desk(self.page(context)).open(self.url)

    def address(self, external_id: str) -> str:
        return f"{self.place.url}/t/{self.slug}/documents/{self.document(external_id)}"

    def document(self, external_id: str) -> int:
        items = self.api("GET", f"/projects/{self.project}/documents")["items"]
        return next(int(item["id"]) for item in items if item["external_id"] == external_id)

    def found(self, external_id: str) -> dict[str, Any] | None:
        """The annotation of a document, if there is one."""
        answer = self.api("GET", f"/documents/{self.document(external_id)}/annotation")["annotation"]
        return None if answer is None else dict(answer)

    def answer(self, external_id: str) -> dict[str, Any]:
        found = self.found(external_id)
        assert found is not None, f"{external_id} has no annotation"
        return found

    def suggest(self, external_id: str, prediction: dict[str, Any], version: int = 1) -> None:
        """Put on record what a live version suggests, without training one."""
        code = f"""
from annotator import suggestions
from annotator.models import Project, Tenant
from annotator.tenancy import tenant_scope
from trainer.models import ModelVersion, TrainingRun
with tenant_scope(Tenant.objects.get(slug={self.slug!r})):
    project = Project.objects.get(pk={self.project})
    run = TrainingRun.objects.create(project=project, state="succeeded", trigger="manual")
    ModelVersion.objects.filter(project=project).update(live=False)
    ModelVersion.objects.create(project=project, run=run, number={version}, examples=1, live=True)
    suggestions.record(project, {version}, [({self.document(external_id)}, {prediction!r})])
"""
        self.place.manage("shell", "--command", code)

    def labels(self, external_id: str) -> list[str]:
        return [span["label"] for span in self.answer(external_id)["spans"]]


SUGGESTED = {
    "state": "ready",
    "version": 1,
    "suggestion": {
        "id": 0,
        "version": 1,
        "items": [
            {"id": "s0", "kind": "span", "start": 0, "end": 8, "label": "PERSON", "score": 0.9},
            {"id": "s1", "kind": "span", "start": 13, "end": 17, "label": "PLACE", "score": 0.9},
            {"id": "s2", "kind": "span", "start": 28, "end": 33, "label": "PLACE", "score": 0.6},
            {"id": "r0", "kind": "relation", "head": "s0", "tail": "s1", "label": "lives in", "score": 0.8},
            {"id": "r1", "kind": "relation", "head": "s0", "tail": "s2", "label": "works in", "score": 0.7},
        ],
    },
}


def suggesting(page: Page, suggested: dict[str, Any]) -> list[dict[str, Any]]:
    """Let the page find a suggestion that no model had to be trained for; what is submitted from it."""
    sent: list[dict[str, Any]] = []

    def offer(route: Route) -> None:
        response = route.fetch()
        body = response.text()
        at = body.index('<script id="desk-config"')
        start, end = body.index(">", at) + 1, body.index("</script>", at)
        config = json.loads(body[start:end])
        config["first"]["suggestion"] = suggested
        changed = json.dumps(config).replace("<", "\\u003c")
        route.fulfill(response=response, body=body[:start] + changed + body[end:])

    def take(route: Route) -> None:
        if route.request.method != "PUT":
            route.continue_()
            return
        body = dict(route.request.post_data_json)
        if body["state"] != "draft":
            sent.append(body)
        # The ledger has no such suggestion: the answer goes on without its verdicts.
        route.continue_(post_data=json.dumps(body | {"decisions": []}))

    page.route("**/desk", offer)
    page.route("**/documents/*", lambda route: offer(route) if "/api/" not in route.request.url else route.continue_())
    page.route("**/annotation", take)
    return sent


def verdicts(body: dict[str, Any]) -> dict[str, str]:
    return {decision["item"]: decision["verdict"] for decision in body["decisions"]}


def lose(route: Route) -> None:
    """The network is away for whatever changes something; reading goes on."""
    if route.request.method == "PUT":
        route.abort()
    else:
        route.continue_()


def watched(page: Page, errors: list[str]) -> None:
    """Whatever a script throws, or the browser refuses, fails the test that watches."""
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
