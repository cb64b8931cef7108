"""How many keys and mouse actions a document takes an expert, with perfect suggestions, a model's, and none.

With keys alone, on our desk: `bench/desks/planner.js` looks for the shortest ways and sends each press to the real
board in Chromium; an answer that is not the gold ends the run. With mouse and keys: counted, for our desk and the
peers, by what each takes for a missing, a spurious and a changed span. `python -m bench.keystrokes`; its figures are in
docs/performance.md.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from playwright.sync_api import Page

from bench import corpora
from bench.effort import SENTENCES, documents, suggested
from tests.browser import chromium
from tests.desk.sheet import served

Line = dict[str, Any]
Key = tuple[int, int, str]
RESULTS = Path(__file__).parent / "results" / "keystrokes.jsonl"
TRAINED_ON, ASKED = 200, 12
CORPORA = ("en_wikigold", "en_bc5cdr")
KEYS = "123456789"
PLAN = """async ([text, items, gold, labels]) => {
  const { Expert } = await import("/bench/desks/planner.js");
  document.getElementById("text").replaceChildren();
  start({ labels, text, suggestion: items.length ? { id: 1, items } : null });
  const expert = new Expert(board, gold, Object.fromEntries(labels.map((label) => [label.name, label.key])));
  const presses = expert.work();
  return [presses, expert.right];
}"""


@dataclass(frozen=True)
class Mechanics:
    """What a tool takes: actions for a new span besides its label's key, for one to remove, for other edges, when done.

    ``relabel`` is picking a span and giving it another label. Where the label stays chosen (``sticky``), its key is
    needed only when the label is another than the last one. ``everywhere``: one act labels the same words wherever they
    stand.
    """

    name: str
    spurious: int
    relabel: int
    edges: int
    done: int
    sticky: bool = False
    everywhere: bool = False


# Ours, with a label kept in hand: click and Delete; click and the label's key; click and drag an edge; one key for the
# same words everywhere, and one for done with all that waits.
# Label Studio: click and Backspace; click and the label's key; drag an edge of the picked region; Ctrl+Enter.
# doccano: click and the label's menu, which deletes or renames; other edges: delete and mark anew; tick and next.
TOOLS = (
    Mechanics("Marginalia", spurious=2, relabel=2, edges=2, done=1, sticky=True, everywhere=True),
    Mechanics("Label Studio", spurious=2, relabel=2, edges=2, done=1),
    Mechanics("doccano", spurious=2, relabel=2, edges=3, done=2, sticky=True),
)


def main() -> int:
    rows = []
    with chromium() as browser, served() as url:
        page = browser.new_page(viewport={"width": 900, "height": 800})
        page.goto(url)
        page.wait_for_function("() => window.start")
        for corpus in CORPORA:
            rows += measured(page, corpus)
    RESULTS.write_text("".join(json.dumps(row) + "\n" for row in rows))
    print(table(rows))
    return 0


def measured(page: Page, corpus: str) -> list[Line]:
    found = corpora.load(corpus)
    asked = found.test[: ASKED * SENTENCES]
    if mean(len(line["text"]) for line in asked) < 500:
        asked = documents(asked)
    answers = suggested("ours", corpora.permuted(found.train, 1)[:TRAINED_ON], asked[:ASKED], found.train)[0]
    rows = []
    for kind in ("none", "the model's", "perfect"):
        shown = {"none": [[]] * len(answers), "the model's": [a["spans"] for a in answers]}.get(kind)
        pairs = [(line, line["spans"] if shown is None else shown[i]) for i, line in enumerate(asked[: len(answers)])]
        row: Line = {"corpus": corpus, "suggestions": kind, "documents": len(pairs)}
        row["spans"] = round(mean(len(line["spans"]) for line, _ in pairs), 1)
        row["keys alone"] = round(mean(by_keys(page, line, spans) for line, spans in pairs), 1)
        row |= {tool.name: round(mean(by_mouse(tool, line, spans) for line, spans in pairs), 1) for tool in TOOLS}
        print(row, file=sys.stderr, flush=True)
        rows.append(row)
    return rows


def by_keys(page: Page, line: Line, shown: list[Line]) -> int:
    """Presses on our desk, carried out; the answer must be the gold."""
    names = sorted({span["label"] for span in [*line["spans"], *shown]})
    keyed = zip(names, KEYS, strict=False)
    labels = [{"kind": "span", "name": name, "color": "#888888", "key": key} for name, key in keyed]
    items = [
        {"id": f"s{number}", "kind": "span", "score": 0.9, **_bare(span)}
        for number, span in enumerate(sorted(shown, key=lambda span: span["start"]))
    ]
    gold = [_bare(span) for span in line["spans"]]
    presses, right = page.evaluate(PLAN, [line["text"], items, gold, labels])
    assert right, f"{line['id']}: the presses do not make the gold"
    return int(presses)


def by_mouse(tool: Mechanics, line: Line, shown: list[Line]) -> int:
    """Actions with the mouse and label keys: each span that is not right costs what the tool takes to make it so."""
    actions, last = tool.done, None
    right = {_key(span) for span in shown}
    left = [span for span in shown if _key(span) not in {_key(span) for span in line["spans"]}]
    for span in line["spans"]:
        if _key(span) in right:
            continue
        right.add(_key(span))
        met = next((one for one in left if one["start"] < span["end"] and span["start"] < one["end"]), None)
        if met is None:
            actions += 1 if tool.sticky and span["label"] == last else 2
            last = span["label"]
            same = _same(line, span, [*right, *map(_key, left)]) if tool.everywhere else set()
            if len(same) > 1:
                actions += 1
                right |= same
            continue
        left.remove(met)
        actions += tool.relabel if met["label"] != span["label"] else 0
        actions += tool.edges if (met["start"], met["end"]) != (span["start"], span["end"]) else 0
    return actions + tool.spurious * len(left)


def _same(line: Line, span: Line, taken: Iterable[Key]) -> set[Key]:
    """The other places of a span's words that are free; none where one of them is no such span."""
    words = re.escape(line["text"][span["start"] : span["end"]])
    places = {(found.start(), found.end()) for found in re.finditer(rf"(?<!\w){words}(?!\w)", line["text"])}
    free = {(a, b, span["label"]) for a, b in places if not any(a < end and start < b for start, end, _ in taken)}
    return free if free <= {_key(one) for one in line["spans"]} else set()


def _bare(span: Line) -> Line:
    return {name: span[name] for name in ("start", "end", "label")}


def _key(span: Line) -> Key:
    return span["start"], span["end"], span["label"]


def table(rows: list[Line]) -> str:
    tools = [tool.name for tool in TOOLS]
    mice = " | ".join(f"{tool}, mouse" for tool in tools)
    lines = [
        f"| corpus | spans a document | suggestions | ours, keys alone | {mice} |",
        "|---|---:|---|" + "---:|" * (len(tools) + 1),
    ]
    for row in rows:
        cells = [row["corpus"], row["spans"], row["suggestions"], row["keys alone"], *(row[tool] for tool in tools)]
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
