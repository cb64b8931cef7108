"""Makes the pictures in docs/screenshots: every page, light and dark, on an install with the demo mails.

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
        eventually(f"version {made}", lambda made=made: len(versions(api)) >= made and idle(api), 300)
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
    decisions = [
        {"suggestion": suggestion["id"], "item": item["id"], "verdict": "accept" if right(item, true) else "reject"}
        for item in (suggestion["items"] if suggestion else [])
    ]
    sent = {"submit_id": str(uuid4()), "revision": 0, **answer, "decisions": decisions}
    api("PUT", f"/documents/{task['document']['id']}/annotation", json=sent)


def right(item: dict[str, Any], true: dict[str, Any]) -> bool:
    if item["kind"] == "choice":
        return item["label"] in true["classes"].get(item["question"], [])
    return {name: item[name] for name in ("start", "end", "label")} in true["spans"]


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
    page.goto(f"{base}/projects/new")
    page.fill("[name=span_name] >> nth=0", "PERSON")
    page.fill("[name=span_name] >> nth=1", "PRODUCT")
    page.click("text=Add a question")
    picture(page, "new-project", scheme, whole=True)
    page.goto(f"{base}/projects/{PROJECT}/import")
    upload = {"name": "mails.jsonl", "mimeType": "application/x-ndjson", "buffer": BROKEN.encode()}
    page.set_input_files("#file", upload)  # type: ignore[arg-type]
    page.click("button:has-text('Import')")
    page.wait_for_selector(".badge.succeeded")
    picture(page, "import-done", scheme)
    take_desk(page, f"{base}/projects/{PROJECT}/desk", scheme)
    context.close()


def take_desk(page: Page, address: str, scheme: str) -> None:
    desk = Desk(page).open(address)
    while len(desk.suggested()) < 3:
        page.wait_for_function("() => !document.querySelector('#note').textContent.startsWith('Looking')")
        if len(desk.suggested()) < 3:
            desk.submit(".")
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
