"""Label Studio: a label is chosen by its key, and the mouse selects the words; predictions stand as regions."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

from bench.desks.painting import free_words, painted
from bench.desks.peer import environment, serving
from bench.loads import LABELS, Load, Text

PACKAGES = ["label-studio==1.23.2"]
PERSON, PASSWORD = "bench@example.org", "measured-today"
TEXT, MARKED = ".htx-richtext, [class*=richtext]", ".htx-highlight"
COUNT = "() => document.querySelectorAll('.htx-highlight').length"
# What the text begins with, once regions are painted in it.
SHOWS = f"() => document.querySelector('{MARKED}') && document.querySelector('{TEXT}').textContent.slice(0, 60)"
CONFIG = (
    '<View><Labels name="label" toName="text">'
    + "".join(f'<Label value="{label}" hotkey="{key}"/>' for key, label in enumerate(LABELS, start=1))
    + '</Labels><Text name="text" value="$text" granularity="word"/></View>'
)


class LabelStudio:
    name = "Label Studio 1.23.2"
    label_starts = "mouse up"
    can_move = can_accept = False

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.token = secrets.token_hex(20)
        self.api = httpx.Client(
            base_url=f"{self.url}/api", headers={"Authorization": f"Token {self.token}"}, timeout=300
        )

    @contextlib.contextmanager
    def running(self, folder: Path) -> Iterator[LabelStudio]:
        place = environment("label-studio", PACKAGES)
        own = os.environ | {"LATEST_VERSION_CHECK": "0", "COLLECT_ANALYTICS": "0", "SENTRY_DSN": ""}
        command: list[str | Path] = [
            place / "bin/label-studio", "start", "--no-browser", "--data-dir", folder, "--port", str(self.port),
            "--internal-host", "127.0.0.1", "--host", self.url, "--username", PERSON, "--password", PASSWORD,
            "--user-token", self.token, "--enable-legacy-api-token", "--log-level", "WARNING",
        ]  # fmt: skip
        with serving(command, f"{self.url}/health", folder / "log", env=own):
            yield self

    def put(self, load: Load, texts: list[Text]) -> int:
        project = self._made("/projects/", {"title": load.name[:50], "label_config": CONFIG})
        for text in texts:
            self._made(
                f"/projects/{project}/import", [{"data": {"text": text.text}, "predictions": [_prediction(text)]}]
            )
        self.api.patch(f"/projects/{project}/", json={"model_version": "bench", "show_collab_predictions": True})
        return project

    def _made(self, path: str, body: Any) -> int:
        answer = self.api.post(path, json=body)
        assert answer.status_code == 201, answer.text[:500]
        return int(answer.json().get("id", 0))

    def sign_in(self, page: Page) -> None:
        page.goto(f"{self.url}/user/login/")
        page.fill("#email", PERSON)
        page.fill("#password", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(lambda address: "/login" not in address)

    def open(self, page: Page, project: int) -> None:
        page.goto(f"{self.url}/projects/{project}/data?labeling=1")
        page.wait_for_selector(MARKED)

    def words(self, page: Page) -> list[tuple[float, float]]:
        return free_words(page, TEXT, MARKED)

    def label(self, page: Page, word: tuple[float, float]) -> float:
        page.keyboard.press("Escape")
        page.keyboard.press("1")
        page.mouse.click(*word)
        return painted(page, lambda: page.mouse.click(*word, click_count=2), shown=COUNT, event="mouseup")

    def next(self, page: Page) -> float:
        return painted(page, lambda: page.keyboard.press("Control+Enter"), shown=SHOWS)


def _prediction(text: Text) -> dict[str, Any]:
    regions = [
        {
            "id": f"r{number}", "from_name": "label", "to_name": "text", "type": "labels",
            "value": {"start": span["start"], "end": span["end"], "labels": [span["label"]]},
        }
        for number, span in enumerate(text.spans)
    ]  # fmt: skip
    return {"model_version": "bench", "result": regions}
