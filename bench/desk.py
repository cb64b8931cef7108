"""How fast an annotator's page paints what a person does, beside doccano and Label Studio in the same browser.

Each tool serves itself on this machine; each peer from a virtual environment of its own in the user's cache folder.
Results are appended to `bench/results/desk.jsonl`; `--table` prints the newest of each as a table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page

from bench.desks.bare import Bare
from bench.desks.doccano import Doccano
from bench.desks.label_studio import LabelStudio
from bench.desks.ours import Ours
from bench.loads import LOADS, Load, texts
from tests.browser import chromium

TOOLS: dict[str, type[Any]] = {"ours": Ours, "bare": Bare, "doccano": Doccano, "label-studio": LabelStudio}
RESULTS = Path(__file__).parent / "results" / "desk.jsonl"
PRESSES, NEXTS, WARM = 50, 10, 3
PORT = 9070
ROOT = Path(__file__).resolve().parent.parent
MEASURES = {
    "label": "label a word, ms",
    "move": "move the cursor, ms",
    "accept": "accept a suggestion, ms",
    "next": "done to next document, ms",
}
Row = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--loads", nargs="+", type=int, choices=range(len(LOADS)), default=list(range(len(LOADS))))
    parser.add_argument("--minutes", type=float, default=15, help="the most that one tool may take for one load (15)")
    parser.add_argument("--table", action="store_true", help="measure nothing, print what was measured last")
    parser.add_argument("--run", help=argparse.SUPPRESS)  # one tool and one load, in this very process
    options = parser.parse_args()
    if options.run:
        [tool], [load] = options.tools, options.loads
        with chromium() as browser:
            measure(browser, TOOLS[tool](PORT), LOADS[load], options.run)
        return 0
    run = time.strftime("%Y-%m-%dT%H:%M:%S")
    for tool in [] if options.table else options.tools:
        for load in options.loads:
            if failed := apart(tool, load, run, options.minutes):
                record({"run": run, "tool": TOOLS[tool].name, "load": LOADS[load].name, "failed": failed})
    print(table([json.loads(line) for line in RESULTS.read_text().splitlines()]))
    return 0


def apart(tool: str, load: int, run: str, minutes: float) -> str:
    """Measure in a process of its own, which ends in time with all that it started; returns why it did not succeed."""
    command = [sys.executable, "-m", "bench.desk", "--tools", tool, "--loads", str(load), "--run", run]
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said, start_new_session=True)
        try:
            failed = "" if child.wait(minutes * 60) == 0 else "failed"
        except subprocess.TimeoutExpired:
            failed = f"not done after {minutes:g} minutes"
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, number)
                time.sleep(2)
        child.wait()
        said.seek(0)
        lines = said.read().strip().splitlines()
    print("\n".join(lines[-1:] if not failed else lines[-20:]), file=sys.stderr, flush=True)
    return f"{failed}: {lines[-1][:200]}" if failed == "failed" and lines else failed


def measure(browser: Browser, tool: Any, load: Load, run: str) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-desk-") as folder, tool.running(Path(folder)):
        project = tool.put(load, texts(load))
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.set_default_timeout(120_000)
        tool.sign_in(page)
        wire = Wire(context.new_cdp_session(page))
        tool.open(page, project)
        row: Row = {"run": run, "tool": tool.name, "load": load.name, "load_average": round(os.getloadavg()[0], 1)}
        row |= {"script_style_bytes": wire.script_and_style, **acts(tool, page, load)}
        row |= nexts(tool, page, wire, load)
        context.close()
        record(row)


class Wire:
    """What went over it: the bytes of scripts and styles as they were sent, and how many requests.

    What the browser has kept is on no wire: it asks itself for the icon of a page at each new address.
    """

    def __init__(self, session: CDPSession) -> None:
        self.kinds: dict[str, str] = {}
        self.script_and_style = 0
        self.requests = 0
        session.send("Network.enable")
        session.send("Network.clearBrowserCache")
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.responseReceived", self._received)
        session.on("Network.loadingFinished", self._finished)

    def _sent(self, event: dict[str, Any]) -> None:
        self.kinds[event["requestId"]] = event.get("type", "")

    def _received(self, event: dict[str, Any]) -> None:
        response = event["response"]
        self.requests += not (response.get("fromDiskCache") or response["url"].startswith("data:"))

    def _finished(self, event: dict[str, Any]) -> None:
        if self.kinds.get(event["requestId"]) in ("Script", "Stylesheet"):
            self.script_and_style += round(event["encodedDataLength"])


def acts(tool: Any, page: Page, load: Load) -> Row:
    """Accept suggestions one by one, then all; label words; move: each as often as there is something in view."""
    row: Row = {}
    if tool.can_accept:
        row |= summed("accept", [tool.accept(page) for _ in range(min(WARM + PRESSES, load.spans - 1))])
        tool.accept_all(page)
    row |= summed("label", [labelled(tool, page) for _ in range(PRESSES + WARM)])
    if tool.can_move:
        row |= summed("move", [tool.move(page) for _ in range(PRESSES + WARM)])
    return row


def labelled(tool: Any, page: Page) -> float:
    """Where a word stands is asked each time: there are pages that move their text to make room for labels."""
    words = tool.words(page)
    return float(tool.label(page, words[len(words) // 2]))


def nexts(tool: Any, page: Page, wire: Wire, load: Load) -> Row:
    """From done to the next document, with a second in which a person would read."""
    took, before = [], wire.requests
    count = min(NEXTS + WARM, load.documents - 2)
    for _ in range(count):
        took.append(tool.next(page))
        page.wait_for_timeout(1000)
    return summed("next", took) | {"requests_a_document": round((wire.requests - before) / count, 1)}


def summed(name: str, took: list[float]) -> Row:
    counted = took[WARM:] if len(took) > 2 * WARM else took
    p95 = quantiles(counted, n=20, method="inclusive")[-1] if len(counted) > 1 else counted[0]
    return {f"{name}_p50": round(median(counted), 1), f"{name}_p95": round(p95, 1), f"{name}_count": len(counted)}


def record(row: Row) -> None:
    print(json.dumps(row), file=sys.stderr, flush=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(row) + "\n")


def table(rows: list[Row]) -> str:
    """The newest row of each tool and load; beside a peer's median how many times ours it is, of the same run."""
    newest = {(row["load"], row["tool"]): row for row in rows}
    lines = [
        "| load | tool | " + " | ".join(MEASURES.values()) + " | script and style | requests a document |",
        "|---|---|" + "---:|" * (len(MEASURES) + 2),
    ]
    for load in dict.fromkeys(load for load, _ in newest):
        ours = newest.get((load, Ours.name), {})
        for tool in [Ours.name, *sorted({tool for _, tool in newest} - {Ours.name})]:
            if row := newest.get((load, tool)):
                if "failed" in row:
                    lines.append(f"| {load} | {tool} | {row['failed']} |" + " |" * (len(MEASURES) + 1))
                    continue
                cells = [_cell(row, name, ours) for name in MEASURES]
                size = f"{row['script_style_bytes'] / 1000:,.0f} kB"
                lines.append(f"| {load} | {tool} | {' | '.join(cells)} | {size} | {row['requests_a_document']:g} |")
    return "\n".join(lines)


def _cell(row: Row, name: str, ours: Row) -> str:
    if f"{name}_p50" not in row:
        return "–"
    told = f"{row[f'{name}_p50']:g} ({row[f'{name}_p95']:g})"
    if row is ours or row["run"] != ours.get("run") or f"{name}_p50" not in ours:
        return told
    return f"{told}, {row[f'{name}_p50'] / ours[f'{name}_p50']:.1f} ×"


if __name__ == "__main__":
    raise SystemExit(main())
