"""Makes the pictures in docs/screenshots: the pages, light and dark, on an install with the demo mails.

Run it from the repository's root: `PYTHONPATH=. python docs/screenshots.py`. It needs Chromium and some minutes: the
mails' true labels are given through the API in rounds, so that the model has a story to show.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.sync_api import Browser, Page

from tests.browser import Desk, chromium, sign_in
from tests.install import Client, Install, eventually, install

FOLDER = Path(__file__).parent / "screenshots"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 420, "height": 800}
ROUNDS = (16, 20, 40, 60)
LEARNING_SECONDS = 900
LOOKED_AT = 60  # documents, at most, until one shows all kinds of suggestions
PROJECT = 1
BROKEN = '{"id": "a", "text": "Ann wrote from Oslo."}\n{"id": "b", "text": ""}\n{"id": "c", "text": "cut o\n'


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="marginalia-pictures-") as folder:
        with install(Path(folder), DEMO="1") as place, chromium() as browser:
            teach(place)
            for scheme in ("light", "dark"):
                take(browser, place, scheme)


def teach(place: Install) -> None:
    """Give the true labels of some mails, in rounds that each wait for the model of the one before."""
    gold = {mail["id"]: mail for mail in map(json.loads, place.manage("demo", "--gold").splitlines())}
    token = re.search(r"mgn_\S+", place.manage("token", "demo", "demo", "--role", "manager"))
    assert token
    api = Client(place.url, "demo", token.group())
    for made, count in enumerate(ROUNDS, start=1):
        for _ in range(count):
            label(api, gold)
        eventually(f"version {made}", lambda made=made: len(versions(api)) >= made and idle(api), LEARNING_SECONDS)
        print(f"version {made} learned", file=sys.stderr)


def versions(api: Client) -> list[Any]:
    return list(api("GET", f"/projects/{PROJECT}/versions")["items"])


def idle(api: Client) -> bool:
    return all(run["finished_at"] for run in api("GET", f"/projects/{PROJECT}/runs")["items"])


def label(api: Client, gold: dict[str, Any]) -> None:
    task = api("POST", f"/projects/{PROJECT}/next")
    true = gold[task["document"]["external_id"]]
    answer = {name: true[name] for name in ("spans", "classes", "relations")}
    suggestion = task["suggestion"]["suggestion"]
    items = {item["id"]: item for item in (suggestion["items"] if suggestion else [])}
    decisions = [
        {
            "suggestion": suggestion["id"],
            "item": name,
            "verdict": "accept" if right(item, items, true) else "reject",
        }
        for name, item in items.items()
    ]
    sent = {"submit_id": str(uuid4()), "revision": 0, **answer, "decisions": decisions}
    api("PUT", f"/documents/{task['document']['id']}/annotation", json=sent)


def right(item: dict[str, Any], items: dict[str, Any], true: dict[str, Any]) -> bool:
    if item["kind"] == "choice":
        return item["label"] in true["classes"].get(item["question"], [])
    if item["kind"] == "span":
        return span_of(item) in true["spans"]
    ends = {end: span_of(items[item[end]]) for end in ("head", "tail")}
    spans = true["spans"]
    return any(
        relation["label"] == item["label"] and all(spans[relation[end]] == span for end, span in ends.items())
        for relation in true["relations"]
    )


def span_of(item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("start", "end", "label")}


def take(browser: Browser, place: Install, scheme: str) -> None:
    context = browser.new_context(viewport=DESKTOP, color_scheme=scheme)  # type: ignore[arg-type]
    stranger = context.new_page()
    stranger.goto(f"{place.url}/signin")
    picture(stranger, "signin", scheme)
    page = sign_in(context, place, "demo")
    base = f"{place.url}/t/demo"
    picture(page, "projects", scheme)
    for name, path in (("project", "/"), ("documents", "/documents"), ("import", "/import")):
        page.goto(f"{base}/projects/{PROJECT}{path}")
        picture(page, name, scheme, whole=name == "project")
    take_version(page, f"{base}/projects/{PROJECT}/", scheme)
    page.goto(f"{base}/projects/new")
    page.fill("[name=span_name] >> nth=0", "PERSON")
    page.fill("[name=span_name] >> nth=1", "PRODUCT")
    page.click("text=Add a question")
    picture(page, "new-project", scheme, whole=True)
    page.goto(f"{base}/projects/{PROJECT}/import")
    upload = {"name": "mails.jsonl", "mimeType": "application/x-ndjson", "buffer": BROKEN.encode()}
    page.set_input_files("#file", upload)  # type: ignore[arg-type]
    page.wait_for_selector("text=Nothing has been imported yet.")
    picture(page, "import-preview", scheme)
    page.click("button[value='start']")
    page.wait_for_selector(".badge.succeeded")
    picture(page, "import-done", scheme)
    take_desk(page, f"{base}/projects/{PROJECT}/desk", scheme)
    context.close()


def take_version(page: Page, project: str, scheme: str) -> None:
    """The page of the newest version: scores and thresholds, label by label, and how far scores can be trusted."""
    page.goto(f"{project}model")
    page.click("a[href*='/versions/'] >> nth=0")
    page.wait_for_selector("svg.reliability")
    picture(page, "version", scheme, whole=True)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    picture(page, "version-narrow", scheme, whole=True)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


def take_desk(page: Page, address: str, scheme: str) -> None:
    """The desk on a document with suggested spans and, between two of them, a suggested relation."""
    desk = Desk(page).open(address)
    for _ in range(LOOKED_AT):
        page.wait_for_function("() => !document.querySelector('#note').textContent.startsWith('The model is looking')")
        if len(desk.suggested()) > 2 and page.is_visible("#suggested-relations"):
            break
        desk.submit(".", "Enter")
    desk.press("Space")
    picture(page, "desk", scheme)
    desk.press("?")
    picture(page, "desk-keys", scheme)
    desk.press("Escape")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    picture(page, "desk-narrow", scheme)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


def picture(page: Page, name: str, scheme: str, *, whole: bool = False) -> None:
    page.screenshot(path=FOLDER / f"{name}-{scheme}.png", full_page=whole)


if __name__ == "__main__":
    main()
