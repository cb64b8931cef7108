"""The form of a backup: one tar, written and read from front to end, so that it may go through a pipe.

    about.json               format, time, migrations, columns of each table, in the order in which they can be loaded
    files/models/…           exported models as they were published, and the snapshots that they were learnt from
    files/uploads/…          files that imports still need, and what they refused
    tables/<table>/<n>.gz    PostgreSQL's own COPY text, in pieces
    whole.json               rows of each table, SHA-256 of each file: a backup that was cut short lacks it

The tables are ours to read row by row: ``pg_dump`` would need a login that row-level security does not bind, and there
is none, and a restore by it a server of the same or a newer kind.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
import zlib
from collections.abc import Iterator
from typing import IO, Any

FORMAT = 1
ABOUT, WHOLE = "about.json", "whole.json"
FILES, TABLES = "files/", "tables/"
PIECE_BYTES = 4 * 1024 * 1024
LEVEL = 3  # texts shrink to a third; more costs more than it saves
READ_BYTES = 1024 * 1024


class BackupProblem(RuntimeError):
    """No backup can be made, or this one not be restored; the message says why."""


class Writer:
    """Puts members into the tar one after the other."""

    def __init__(self, target: IO[bytes]) -> None:
        self.tar = tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by close()

    def json(self, name: str, value: Any) -> None:
        self._bytes(name, json.dumps(value, indent=1).encode())

    def file(self, name: str, source: IO[bytes], size: int) -> str:
        """Copy a file of this size; its SHA-256."""
        counted = _Counted(source)
        self.tar.addfile(_member(FILES + name, size), counted)
        return counted.digest.hexdigest()

    def piece(self, table: str, number: int, data: bytes) -> None:
        self._bytes(f"{TABLES}{table}/{number}.gz", data)

    def close(self) -> None:
        self.tar.close()

    def abandon(self) -> None:
        """Where it is not whole, tarfile would try once more to write its end, when nobody hears it."""
        self.tar.fileobj.closed = True  # type: ignore[attr-defined]

    def _bytes(self, name: str, data: bytes) -> None:
        self.tar.addfile(_member(name, len(data)), io.BytesIO(data))


class TableWriter:
    """The file that PostgreSQL copies a table to: compressed, in pieces, as a tar wants lengths first."""

    def __init__(self, writer: Writer, table: str) -> None:
        self.writer, self.table = writer, table
        self.number = 0
        self._begin()

    def _begin(self) -> None:
        self.packer = zlib.compressobj(LEVEL, wbits=31)
        self.packed = bytearray()

    def write(self, data: bytes) -> int:
        self.packed += self.packer.compress(data)
        if len(self.packed) >= PIECE_BYTES:
            self.close()
            self._begin()
        return len(data)

    def close(self) -> None:
        self.packed += self.packer.flush()
        self.writer.piece(self.table, self.number, bytes(self.packed))
        self.number += 1


class Reader:
    """Members of a tar in their order; the pieces of a table are one stream."""

    def __init__(self, source: IO[bytes]) -> None:
        try:
            self.tar = tarfile.open(fileobj=source, mode="r|")  # noqa: SIM115 - it is the caller's file
        except tarfile.TarError as error:
            raise BackupProblem("This is no backup: it is not a tar.") from error
        self.held: tarfile.TarInfo | None = None

    def member(self) -> tarfile.TarInfo | None:
        """The next one, without leaving it."""
        if self.held is None:
            try:
                self.held = self.tar.next()
            except (tarfile.TarError, EOFError) as error:
                raise BackupProblem("The backup is cut short.") from error
        return self.held

    def read(self) -> bytes:
        return b"".join(self.data())

    def data(self) -> Iterator[bytes]:
        """The content of the member that was looked at; the next one follows it."""
        held, self.held = self.held, None
        file = self.tar.extractfile(held) if held and held.isreg() else None
        if held is None or file is None:
            raise BackupProblem("The backup holds something that is no file.")
        left = held.size
        while left:
            try:
                data = file.read(min(READ_BYTES, left))
            except tarfile.TarError as error:
                raise BackupProblem("The backup is cut short.") from error
            if not data:
                raise BackupProblem("The backup is cut short.")
            left -= len(data)
            yield data

    def json(self, name: str) -> dict[str, Any]:
        member = self.member()
        if member is None or member.name != name:
            raise BackupProblem(f"This is no backup, or it is cut short: {name} is missing.")
        found: dict[str, Any] = json.loads(self.read())
        return found

    def table(self, table: str) -> TableReader:
        return TableReader(self, table)


class TableReader:
    """The file that PostgreSQL copies a table from."""

    def __init__(self, reader: Reader, table: str) -> None:
        self.parts = self._unpacked(reader, f"{TABLES}{table}/")
        self.part = io.BytesIO()

    @staticmethod
    def _unpacked(reader: Reader, prefix: str) -> Iterator[bytes]:
        while (member := reader.member()) is not None and member.name.startswith(prefix):
            unpacker = zlib.decompressobj(wbits=31)
            try:
                for data in reader.data():
                    yield unpacker.decompress(data)
                yield unpacker.flush()
            except zlib.error as error:
                raise BackupProblem(f"The backup is damaged in {member.name}.") from error

    def read(self, size: int = READ_BYTES) -> bytes:
        while not (data := self.part.read(size)):
            part = next(self.parts, None)
            if part is None:
                return b""
            self.part = io.BytesIO(part)
        return data


class _Counted(io.RawIOBase):
    """A file that is hashed as it is read."""

    def __init__(self, source: IO[bytes]) -> None:
        self.source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.source.read(size)
        self.digest.update(data)
        return data


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(time.time())
    return member
