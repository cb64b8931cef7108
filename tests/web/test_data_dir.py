"""What an earlier version left open to others is closed when an install starts; nothing beyond it is touched."""

from __future__ import annotations

import os
import stat

from web import data_dir


def mode(path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_what_is_open_is_closed(tmp_path):
    place = tmp_path / "var"
    (place / "models" / "1" / "7").mkdir(parents=True)
    snapshot = place / "models" / "1" / "7" / "snapshot.jsonl"
    for file in (snapshot, place / "secret_key", tmp_path / "elsewhere", place / "notes.txt"):
        file.write_text("Ann lives in Oslo.")
        file.chmod(0o644)
    for folder in (place, *(path for path in place.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    (place / "models" / "link").symlink_to(tmp_path / "elsewhere")

    data_dir.tighten(place)
    data_dir.tighten(place)

    assert mode(place) == 0o711
    assert mode(place / "models") == mode(place / "models" / "1" / "7") == 0o700
    assert mode(snapshot) == mode(place / "secret_key") == 0o600
    assert mode(tmp_path / "elsewhere") == 0o644
    assert mode(place / "notes.txt") == 0o644


def test_what_is_made_from_then_on_is_ones_own(tmp_path):
    before = os.umask(0o022)
    try:
        data_dir.keep_private()
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "file").write_text("text")
    finally:
        os.umask(before)

    assert mode(tmp_path / "new") == 0o700
    assert mode(tmp_path / "new" / "file") == 0o600
