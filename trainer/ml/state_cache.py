"""What an encoder made of a project's texts, kept in one file: an encoder costs by far the most of a training.

The file is a project's own, and tells texts by their hashes. It may be lost at any time: what is not there is computed
anew, and so is all of a file that cannot be read.
"""

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

MOST_BYTES = 500_000_000
_FORM = 1  # of the file; another form begins anew
_PATIENCE = 30.0  # seconds that a process waits while another one writes
_TABLES = """
DROP TABLE IF EXISTS basis; DROP TABLE IF EXISTS states;
CREATE TABLE basis (encoder TEXT PRIMARY KEY, directions BLOB NOT NULL, offset BLOB NOT NULL);
CREATE TABLE states (number INTEGER PRIMARY KEY, basis TEXT NOT NULL, text BLOB NOT NULL, places BLOB NOT NULL,
                     states BLOB NOT NULL, UNIQUE (basis, text));
"""

_DROP_A_TENTH = """
DELETE FROM states WHERE number IN (SELECT number FROM states ORDER BY number
                                    LIMIT (SELECT 1 + count(*) / 10 FROM states))
"""

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Kept(NamedTuple):
    """The pieces of one text."""

    places: np.ndarray  # [2, P] int32: start and end
    states: np.ndarray  # [P, dimensions] float16


class StateCache:
    """Bases by encoder, and pieces by basis and text; in memory where there is no file."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._memory = _prepared(sqlite3.connect(":memory:", check_same_thread=False)) if file is None else None

    def basis(self, encoder: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Directions [width, dimensions] and offset [dimensions] that were learnt for an encoder."""
        asked = "SELECT directions, offset FROM basis WHERE encoder = ?"
        found = self._with(lambda file: file.execute(asked, [encoder]).fetchone())
        if found is None:
            return None
        directions, offset = (np.frombuffer(column, np.float32) for column in found)
        return directions.reshape(-1, len(offset)), offset

    def keep_basis(self, encoder: str, directions: np.ndarray, offset: np.ndarray) -> None:
        """For this encoder; what was kept for another one goes: a project has one encoder at a time."""

        def write(file: sqlite3.Connection) -> None:
            file.execute("DELETE FROM basis")
            file.execute("DELETE FROM states")
            file.execute("INSERT INTO basis VALUES (?, ?, ?)", [encoder, directions.tobytes(), offset.tobytes()])

        self._with(write)

    def pieces(self, basis: str, texts: Iterable[str], dimensions: int) -> dict[str, Kept]:
        """Those of the texts that are known."""
        asked = "SELECT places, states FROM states WHERE basis = ? AND text = ?"

        def read(file: sqlite3.Connection) -> dict[str, Kept]:
            rows = ((text, file.execute(asked, [basis, _key(text)]).fetchone()) for text in texts)
            return {text: _kept(row, dimensions) for text, row in rows if row is not None}

        return self._with(read) or {}

    def keep(self, basis: str, pieces: Mapping[str, Kept]) -> None:
        """What was made of texts. Of too much, what was kept first goes."""
        rows = [[basis, _key(text), one.places.tobytes(), one.states.tobytes()] for text, one in pieces.items()]

        def write(file: sqlite3.Connection) -> None:
            file.executemany("INSERT OR REPLACE INTO states (basis, text, places, states) VALUES (?, ?, ?, ?)", rows)
            while _bytes(file) > MOST_BYTES and file.execute(_DROP_A_TENTH).rowcount > 0:
                pass

        self._with(write)

    def _with(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Use the file in one transaction. What goes wrong with it costs what is kept, and nothing else."""
        try:
            if self._memory is not None:
                with self._memory:
                    return work(self._memory)
            with closing(self._open()) as file, file:
                return work(file)
        except sqlite3.OperationalError as error:  # no room, no right to write, or another process writes for long
            logger.warning("%s cannot be used now, and what it might hold is computed: %s", self._file, error)
        except (sqlite3.DatabaseError, ValueError) as error:
            logger.warning("%s cannot be read, and is made anew: %s", self._file, error)
            if self._file is not None:
                self._file.unlink(missing_ok=True)
        return None

    def _open(self) -> sqlite3.Connection:
        return _prepared(sqlite3.connect(str(self._file), timeout=_PATIENCE))


def _prepared(file: sqlite3.Connection) -> sqlite3.Connection:
    file.execute("PRAGMA synchronous = OFF")  # what a crash takes is computed again
    if file.execute("PRAGMA user_version").fetchone()[0] != _FORM:
        file.executescript(_TABLES + f"PRAGMA user_version = {_FORM};")
    return file


def _kept(row: tuple[bytes, bytes], dimensions: int) -> Kept:
    places, states = np.frombuffer(row[0], np.int32), np.frombuffer(row[1], np.float16)
    return Kept(places.reshape(2, -1), states.reshape(-1, dimensions))


def _bytes(file: sqlite3.Connection) -> int:
    """How much is in use."""
    pages, free, size = (
        int(file.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
