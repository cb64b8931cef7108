"""Our own desk, on an install of its own. The spans are a version's suggestions, accepted before labels are timed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from playwright.sync_api import Page

from bench.desks.painting import free_words, painted
from bench.loads import LABELS, Load, Text
from tests.browser import sign_in
from tests.install import Client, Install, install

TENANT, PERSON = "bench", "ann"
TEXT, MARKED = "#text", ".mark, .name"
# Where what is picked begins, as its name on the text tells: a new mark is picked, and after a suggestion the next one.
PICKED = "() => document.querySelector('.name.picked')?.dataset.start ?? null"
# Where the cursor stands: the browser's selection, or a highlight of ours.
CURSOR = "() => { const at = getSelection(); return `${at.anchorOffset} ${at.focusOffset}`; }"
SHOWS = """() => document.querySelector('#desk').getAttribute('aria-busy') === 'false'
  ? document.querySelector('#text').textContent.slice(0, 60) : null"""
# A version that suggested these spans; there is no model behind it.
FILL = """
import json
from annotator import suggestions
from annotator.models import Document, Project, Tenant
from annotator.tenancy import tenant_scope
from trainer.models import ModelVersion, TrainingRun
told = json.load(open({told!r}))
with tenant_scope(Tenant.objects.get(slug={tenant!r})):
    project = Project.objects.get(pk={project})
    run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded")
    ModelVersion.objects.create(project=project, run=run, number=1, examples=1, live=True)
    by_text = {{text["text"]: text["spans"] for text in told}}
    rest = {{"choices": {{}}, "relations": [], "uncertainty": 0.5}}
    found = [
        (document.pk, {{"spans": [{{**span, "score": 0.9}} for span in by_text[document.text]], **rest}})
        for document in Document.objects.filter(project=project)
    ]
    suggestions.record(project, 1, found)
"""


class Ours:
    name = "Marginalia"
    label_starts = "key down"
    can_move = can_accept = True

    def __init__(self, port: int) -> None:
        del port  # an install finds its own
        self.moves = 0

    @contextlib.contextmanager
    def running(self, folder: Path) -> Iterator[Ours]:
        with install(folder) as place:
            self.place: Install = place
            self.folder = folder
            place.manage("tenant", TENANT)
            place.manage("person", TENANT, PERSON, "--role", "manager", "--no-password")
            token = place.manage("token", TENANT, PERSON, "--role", "manager")
            self.api = Client(place.url, TENANT, next(word for word in token.split() if word.startswith("mgn_")))
            yield self

    def put(self, load: Load, texts: list[Text]) -> int:
        spec = {"name": load.name, "spans": list(LABELS), "check_share": 0, "allow_overlap": False}
        project = int(self.api("POST", "/projects", expect=201, json=spec)["id"])
        lines = "\n".join(json.dumps({"id": f"d{number}", "text": text.text}) for number, text in enumerate(texts))
        jsonl = {"Content-Type": "application/x-ndjson"}
        self.api("POST", f"/projects/{project}/import", content=lines.encode(), headers=jsonl)
        told = self.folder / f"texts-{project}.json"
        told.write_text(json.dumps([asdict(text) for text in texts]))
        self.place.manage("shell", "-v", "0", "-c", FILL.format(told=str(told), tenant=TENANT, project=project))
        return project

    def sign_in(self, page: Page) -> None:
        signed = sign_in(page.context, self.place, PERSON)
        signed.close()

    def open(self, page: Page, project: int) -> None:
        page.goto(f"{self.place.url}/t/{TENANT}/projects/{project}/desk")
        page.wait_for_selector('#desk[aria-busy="false"]')
        page.wait_for_selector(".mark.suggested", state="attached")

    def words(self, page: Page) -> list[tuple[float, float]]:
        return free_words(page, TEXT, MARKED)

    def accept_all(self, page: Page) -> None:
        page.keyboard.press("Shift+Enter")

    def label(self, page: Page, word: tuple[float, float]) -> float:
        page.mouse.dblclick(*word)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return painted(page, lambda: page.keyboard.press("1"), shown=PICKED)

    def move(self, page: Page) -> float:
        """Twenty words on, twenty back."""
        self.moves += 1
        key = ("ArrowLeft", "ArrowRight")[self.moves // 20 % 2]
        return painted(page, lambda: page.keyboard.press(key), shown=CURSOR)

    def accept(self, page: Page) -> float:
        """The one that is picked; the desk goes on to the next by itself."""
        return painted(page, lambda: page.keyboard.press("Space"), shown=PICKED)

    def next(self, page: Page) -> float:
        """With all suggestions, as the peers submit their predictions."""
        return painted(page, lambda: page.keyboard.press("Control+Enter"), shown=SHOWS)
