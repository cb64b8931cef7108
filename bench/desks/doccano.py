"""doccano: words are selected with the mouse and get the label whose key was pressed; each label goes to the server."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import httpx
from playwright.sync_api import Page

from bench.desks.painting import free_words, painted
from bench.desks.peer import environment, serving
from bench.loads import LABELS, Load, Text

# Its own requirements are open at the top; these are the last that it works with.
PACKAGES = ["doccano==1.8.4", "setuptools<81", "marshmallow<4", "numpy<2"]
PERSON, PASSWORD = "bench", "measured-today"
TEXT, MARKED = ".annotation-text", ".annotation-text line"
COUNT = "() => document.querySelectorAll('.annotation-text line').length"
SHOWS = f"() => document.querySelector('{MARKED}') && document.querySelector('{TEXT} text').textContent.slice(0, 60)"
FILL = """
import json, sys
import django; django.setup()
from examples.models import Example
from labels.models import Span
from label_types.models import SpanType
from projects.models import Project
from django.contrib.auth import get_user_model
told = json.load(sys.stdin)
project, person = Project.objects.get(pk=told["project"]), get_user_model().objects.get()
types = {one.text: one for one in SpanType.objects.filter(project=project)}
for text in told["texts"]:
    example = Example.objects.create(project=project, text=text["text"])
    Span.objects.bulk_create([Span(example=example, user=person, label=types[span["label"]],
        start_offset=span["start"], end_offset=span["end"]) for span in text["spans"]])
"""


class Doccano:
    name = "doccano 1.8.4"
    label_starts = "mouse up"
    can_move = can_accept = False

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port

    @contextlib.contextmanager
    def running(self, folder: Path) -> Iterator[Doccano]:
        place = environment("doccano", PACKAGES)
        self.python = place / "bin/python"
        self.backend = next(place.glob("lib/python3*/site-packages/backend"))
        self.environment = os.environ | {
            "DOCCANO_HOME": str(folder), "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3", "MEDIA_ROOT": str(folder),
            "STANDALONE": "True", "DEBUG": "False", "DJANGO_SETTINGS_MODULE": "config.settings.production",
        }  # fmt: skip
        doccano = place / "bin/doccano"
        person = ["createuser", "--username", PERSON, "--password", PASSWORD]
        for command in (["init"], person):
            subprocess.run([doccano, *command], env=self.environment, check=True, capture_output=True)
        server: list[str | Path] = [
            place / "bin/gunicorn",
            "--bind",
            f"127.0.0.1:{self.port}",
            "-w",
            "2",
            "config.wsgi",
        ]
        with serving(server, self.url, folder / "log", env=self.environment, cwd=self.backend):
            answer = httpx.post(f"{self.url}/v1/auth/login/", json={"username": PERSON, "password": PASSWORD})
            headers = {"Authorization": f"Token {answer.json()['key']}"}
            self.api = httpx.Client(base_url=f"{self.url}/v1", headers=headers, timeout=300)
            yield self

    def put(self, load: Load, texts: list[Text]) -> int:
        switches = (
            "random_order", "collaborative_annotation", "single_class_classification", "grapheme_mode", "use_relation",
            "allow_member_to_create_label_type",
        )  # fmt: skip
        project = self._made(
            "/projects",
            {
                "name": load.name, "description": "bench", "guideline": "", "tags": [], "allow_overlapping": True,
                "project_type": "SequenceLabeling", "resourcetype": "SequenceLabelingProject",
            } | dict.fromkeys(switches, False),
        )  # fmt: skip
        for key, label in enumerate(LABELS, start=1):
            kind = {"text": label, "prefix_key": None, "suffix_key": str(key), "background_color": "#73D8FF"}
            self._made(f"/projects/{project}/span-types", kind | {"text_color": "#000000"})
        told = json.dumps({"project": project, "texts": [asdict(text) for text in texts]})
        command = [self.python, "-c", FILL]
        subprocess.run(command, env=self.environment, cwd=self.backend, input=told, text=True, check=True)
        return project

    def _made(self, path: str, body: object) -> int:
        answer = self.api.post(path, json=body)
        assert answer.status_code == 201, answer.text[:500]
        return int(answer.json()["id"])

    def sign_in(self, page: Page) -> None:
        page.goto(f"{self.url}/auth")
        page.fill("input[name=username]", PERSON)
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/projects")

    def open(self, page: Page, project: int) -> None:
        page.goto(f"{self.url}/projects/{project}/sequence-labeling?page=1")
        page.wait_for_selector(MARKED, state="attached")
        page.keyboard.press("1")

    def words(self, page: Page) -> list[tuple[float, float]]:
        return free_words(page, TEXT, MARKED)

    def label(self, page: Page, word: tuple[float, float]) -> float:
        page.mouse.click(*word)
        return painted(page, lambda: page.mouse.click(*word, click_count=2), shown=COUNT, event="mouseup")

    def next(self, page: Page) -> float:
        return painted(page, lambda: page.keyboard.press("ArrowRight"), shown=SHOWS)
