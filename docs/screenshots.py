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
ROUNDS = (16, 20, 40)
LEARNING_SECONDS = 900
LOOKED_AT = 60  # documents, at most, until one shows all kinds of suggestions
TALLEST = 2400  # pixels of a page; lists go on alike
# Names of pictures where the address makes a poor one.
NAMES = {
    "": "projects",
    "projects/#/": "project",
    "projects/new": "new-project",
    "projects/#/labels/#": "label",
    "people/#": "member",
    "versions/#": "version",
    "versions/#/promote": "version-promote",
    "documents/#/answers": "answers",
}
DIALOGS = {"keys": "?", "search": "/", "guidelines": "g", "earlier": "h", "skip": ".", "comment": ";"}
PROJECT = 1
TEAM = (("mara", "manager"), ("rex", "reviewer"), ("ada", "annotator"), ("bo", "annotator"))
# What the annotators of the team do with documents, so that the overview has something that needs a manager.
WORK = (
    ("ada", {"state": "skipped", "comment": "Unreadable or damaged"}),
    ("ada", {"flag": "help", "comment": "Is a shop's name a PLACE?"}),
    ("bo", {"state": "skipped", "comment": "I cannot decide"}),
    ("bo", {"flag": "flagged", "comment": "A fine example for the guidelines."}),
    ("bo", {"state": "skipped"}),
)
BROKEN = '{"id": "a", "text": "Ann wrote from Oslo."}\n{"id": "b", "text": ""}\n{"id": "c", "text": "cut o\n'


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="marginalia-pictures-") as folder:
        with install(Path(folder), DEMO="1") as place, chromium() as browser:
            teach(place)
            gather(place)
            for scheme in ("light", "dark"):
                take(browser, place, scheme)
            take_mirrored(browser, place)


def teach(place: Install) -> None:
    """Give the true labels of some mails, in rounds that each wait for the model of the one before."""
    gold = {mail["id"]: mail for mail in map(json.loads, place.manage("demo", "--gold").splitlines())}
    api = client(place, "demo", "manager")
    for made, count in enumerate(ROUNDS, start=1):
        for _ in range(count):
            label(api, gold)
        eventually(f"version {made}", lambda made=made: len(versions(api)) >= made and idle(api), LEARNING_SECONDS)
        print(f"version {made} learned", file=sys.stderr)


def gather(place: Install) -> None:
    """A team, and work of theirs that somebody has to look at."""
    for name, role in TEAM:
        place.manage("person", "demo", name, "--role", role, "--no-password")
    apis = {name: client(place, name, "annotator") for name in {name for name, _ in WORK}}
    for name, work in WORK:
        task = apis[name]("POST", f"/projects/{PROJECT}/next")
        sent = {"submit_id": str(uuid4()), "revision": 0, **work}
        apis[name]("PUT", f"/documents/{task['document']['id']}/annotation", json=sent)


def client(place: Install, name: str, role: str) -> Client:
    token = re.search(r"mgn_\S+", place.manage("token", "demo", name, "--role", role))
    assert token
    return Client(place.url, "demo", token.group())


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
    project = f"{place.url}/t/demo/projects/{PROJECT}"
    take_import(page, project, scheme)
    for name, address in sorted(pages(page, f"{place.url}/t/demo/").items()):
        page.goto(address)
        picture(page, name, scheme, whole=True)
        if scheme == "light":
            narrow(page, name)
    take_desk(page, f"{project}/desk", scheme)
    context.close()


def take_import(page: Page, project: str, scheme: str) -> None:
    page.goto(f"{project}/import")
    upload = {"name": "mails.jsonl", "mimeType": "application/x-ndjson", "buffer": BROKEN.encode()}
    page.set_input_files("#file", upload)  # type: ignore[arg-type]
    page.wait_for_selector("text=Nothing has been imported yet.")
    picture(page, "import-preview", scheme)
    page.click("button[value='start']")
    page.wait_for_selector(".badge.succeeded")
    picture(page, "import-done", scheme, whole=True)


def pages(page: Page, start: str) -> dict[str, str]:
    """An address of each kind of page that links lead to, by name; the desk has pictures of its own."""
    found: dict[str, str] = {}
    waiting, seen = [start], set()
    while waiting:
        address = waiting.pop(0)
        kind = re.sub(r"\d+", "#", address.removeprefix(start).partition("?")[0])
        if kind in seen or kind.startswith("api/") or kind.endswith(("/desk", "/file", "/refused")):
            continue
        seen.add(kind)
        answer = page.goto(address)
        if not answer or not answer.headers.get("content-type", "").startswith("text/html") or not answer.ok:
            continue
        if not page.query_selector("#desk"):
            found[NAMES.get(kind) or re.sub(r"[#/]+", "-", kind).removeprefix("projects-").strip("-")] = address
        links = page.eval_on_selector_all(
            "a[href]:not([download])", "(all) => all.map((one) => one.href.split('#')[0])"
        )
        waiting += [link for link in links if str(link).startswith(start)]
    return found


def take_desk(page: Page, address: str, scheme: str) -> None:
    """The desk on a dense document with suggested spans and a suggested relation between them; then its dialogs."""
    desk = Desk(page).open(address)
    for _ in range(LOOKED_AT):
        related = page.query_selector("#suggested-relations:not([hidden])")
        if related and len(desk.suggested()) > 2 and "\n\n" not in desk.text:
            break
        desk.press(".")
        page.wait_for_selector("dialog#skip[open]")
        desk.submit("Enter")
    desk.press("Space").saved()
    picture(page, "desk", scheme)
    if scheme == "light":
        narrow(page, "desk", whole=False)
    for name, key in DIALOGS.items():
        desk.press(key)
        page.wait_for_selector("dialog[open]")
        picture(page, f"desk-{name}", scheme)
        desk.press("Escape")
        page.wait_for_selector("dialog[open]", state="detached")
        desk.settled()


def take_mirrored(browser: Browser, place: Install) -> None:
    """In Arabic everything runs from right to left."""
    context = browser.new_context(viewport=DESKTOP, color_scheme="light", locale="ar")  # type: ignore[arg-type]
    page = sign_in(context, place, "demo")
    project = f"{place.url}/t/demo/projects/{PROJECT}"
    for name in ("", "model", "documents", "import"):
        page.goto(f"{project}/{name}")
        picture(page, f"arabic-{name or 'project'}", "light", whole=True)
    Desk(page).open(f"{project}/desk")
    picture(page, "arabic-desk", "light")
    context.close()


def narrow(page: Page, name: str, *, whole: bool = True) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    picture(page, f"{name}-narrow", "light", whole=whole)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


def picture(page: Page, name: str, scheme: str, *, whole: bool = False) -> None:
    shown = page.viewport_size or DESKTOP
    if whole:
        shown = shown | {"height": min(TALLEST, page.evaluate("() => document.documentElement.scrollHeight"))}
    page.screenshot(path=FOLDER / f"{name}-{scheme}.png", full_page=whole, clip={"x": 0, "y": 0} | shown)


if __name__ == "__main__":
    main()
