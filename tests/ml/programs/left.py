"""What a program leaves in its folder, told alike for each run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any


def left_in(folder: Path) -> dict[str, Any]:
    """The steps of the checkpoints in each folder below, and all files, with what differs from run to run left out."""
    checkpoints: dict[str, list[int]] = {}
    files = set()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        place = re.sub(r"\b\d{9,}\b", "TIME", str(path.parent.relative_to(folder)))
        step = re.fullmatch(r"(?:model\.)?ckpt-(\d+)\.index", path.name)
        if step:
            checkpoints.setdefault(place, []).append(int(step[1]))
        name = re.sub(r"\b(ckpt|input)-\d+", r"\1-STEP", path.name)
        files.add(f"{place}/{re.sub(r'tfevents.*', 'tfevents', name)}".removeprefix("./"))
    return {
        "checkpoints": {place: sorted(steps) for place, steps in checkpoints.items()},
        "files": sorted(files),
    }
