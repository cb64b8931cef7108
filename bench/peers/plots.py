"""The plots of docs/models.md: `.venv-bench/bin/python -m bench.peers.plots RESULTS EFFORT FOLDER`."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

Row = dict[str, Any]
STYLES = {
    "ours-a": ("ours, pool (a)", "#1f6f4a", "-", "o"),
    "ours-b": ("ours, pool (b)", "#1f6f4a", "--", "o"),
    "crfsuite": ("CRFsuite", "#b4541a", "-", "s"),
    "spacy": ("spaCy", "#3a62a8", "-", "^"),
    "bilstm": ("BiLSTM-CRF", "#7a4a9c", "-", "D"),
    "ours": ("our models alone", "#1f6f4a", "--", "o"),
    "desk": ("at the desk", "#1f6f4a", "-", "o"),
}
_TICKS = (20, 50, 200, 1000, 4000)
mpl.rcParams |= {
    "svg.fonttype": "none",  # text stays text: small files that can be searched
    "svg.hashsalt": "marginalia",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
}


def main(results: str, effort: str, folder: str) -> int:
    """Draw what there are results for."""
    rows = [row for row in _rows(Path(results)) if row["task"] == "spans" and not row["size"].endswith("t")]
    _save(learning(rows), Path(folder) / "models-learning.svg")
    _save(cost(rows), Path(folder) / "models-cost.svg")
    if Path(effort).exists():
        _save(saved(_rows(Path(effort))), Path(folder) / "models-effort.svg")
    return 0


def _rows(path: Path) -> list[Row]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return list({(r["corpus"], r.get("size"), r["sample"], r["system"]): r for r in rows}.values())


def learning(rows: list[Row]) -> plt.Figure:
    """F1 by the number of labelled lines, a panel a corpus; bars from the worst to the best sample."""
    corpora = sorted({row["corpus"] for row in rows})
    across = min(4, len(corpora))
    down = -(-len(corpora) // across)
    figure, panels = plt.subplots(down, across, figsize=(2.5 * across, 2.3 * down), squeeze=False, layout="constrained")
    for panel, corpus in zip(panels.flat, corpora, strict=False):
        for system, (name, colour, dash, mark) in STYLES.items():
            cells: defaultdict[str, list[Row]] = defaultdict(list)
            for row in rows:
                if (row["corpus"], row["system"]) == (corpus, system):
                    cells[row["size"]].append(row)
            points = sorted((mean(r["lines"] for r in found), [r["f1"] for r in found]) for found in cells.values())
            if points:
                _with_bars(panel, points, label=name, color=colour, linestyle=dash, marker=mark)
        panel.set(title=corpus, xscale="log", xlim=(15, 6000))
        panel.margins(y=0.1)
        panel.set_ylim(bottom=0)
        panel.set_xticks(_TICKS, [str(tick) for tick in _TICKS])
        panel.minorticks_off()
    for panel in panels.flat[len(corpora) :]:
        panel.axis("off")
    for panel in panels[-1]:
        panel.set_xlabel("labelled lines")
    for panel in panels[:, 0]:
        panel.set_ylabel("span F1")
    _legend(figure, panels.flat)
    return figure


def _with_bars(panel: Axes, points: list[tuple[float, list[float]]], **style: Any) -> None:
    middles = [mean(found) for _, found in points]
    below = [middle - min(found) for middle, (_, found) in zip(middles, points, strict=True)]
    above = [max(found) - middle for middle, (_, found) in zip(middles, points, strict=True)]
    panel.errorbar([x for x, _ in points], middles, yerr=[below, above], markersize=4, linewidth=1.2, **style)


def cost(rows: list[Row]) -> plt.Figure:
    """F1 over the processor time of training, one point a sample, a panel a size."""
    sizes = sorted(
        {row["size"] for row in rows if row["size"].isdigit() and int(row["size"]) in (50, 200, 1000)}, key=int
    )
    figure, panels = plt.subplots(1, len(sizes), figsize=(3.3 * len(sizes), 2.8), squeeze=False, layout="constrained")
    for panel, size in zip(panels.flat, sizes, strict=True):
        for system, (name, colour, _, mark) in STYLES.items():
            found = [row for row in rows if (row["size"], row["system"]) == (size, system)]
            if found and system != "ours-b":
                seconds, f1 = [row["train_cpu"] for row in found], [row["f1"] for row in found]
                panel.scatter(seconds, f1, s=16, color=colour, marker=mark, label=name.partition(",")[0], alpha=0.8)
        panel.set(title=f"{size} labelled lines", xscale="log", xlabel="CPU seconds of training", xlim=(0.1, 120))
        panel.margins(y=0.1)
        panel.set_ylim(bottom=0)
    panels[0, 0].set_ylabel("span F1")
    _legend(figure, panels.flat)
    return figure


def saved(rows: list[Row]) -> plt.Figure:
    """Actions saved so far, over the documents of a project."""
    figure, panel = plt.subplots(figsize=(5, 2.8), layout="constrained")
    for system in ("desk", "ours", "crfsuite"):
        name, colour, dash, mark = STYLES[system]
        points: defaultdict[int, list[float]] = defaultdict(list)
        for row in rows:
            for stretch in row["stretches"] if row["system"] == system else []:
                points[stretch["to"]].append(stretch["saved"])
        if points:
            _with_bars(panel, sorted(points.items()), label=name, color=colour, linestyle=dash, marker=mark)
    panel.set(xlabel="documents", ylabel="actions saved so far, %", ylim=(0, None))
    panel.legend(frameon=False)
    return figure


def _legend(figure: plt.Figure, panels: Any) -> None:
    known: dict[str, Any] = {}
    for panel in panels:
        handles, labels = panel.get_legend_handles_labels()
        known |= dict(zip(labels, handles, strict=True))
    figure.legend(known.values(), known.keys(), loc="outside lower center", ncols=len(known), frameon=False)


def _save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    # Without trailing spaces, as the other files here.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
