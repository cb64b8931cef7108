"""A real file system with little room: mounted where we may mount."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A file system of its own at ``path``, and a file on it that takes what room there is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ballast = path / "ballast"

    def fill(self) -> None:
        """To the last byte."""
        with self.ballast.open("ab", buffering=0) as file:
            for piece in (1 << 20, 1 << 12, 1):
                try:
                    while file.write(b"\1" * piece):
                        pass
                except OSError:
                    continue

    def make_room(self) -> None:
        self.ballast.unlink()


@contextmanager
def small_disk(size: str) -> Iterator[SmallDisk]:
    """Skips, saying so, where no file system can be mounted; what PostgreSQL says is tested without one, too."""
    with tempfile.TemporaryDirectory(prefix="marginalia-disk-") as name:
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        options = f"size={size},uid={os.geteuid()},gid={os.getegid()},mode=0755"
        try:
            done = subprocess.run(
                [*sudo, "mount", "-t", "tmpfs", "-o", options, "tmpfs", name], capture_output=True, check=False
            )
        except FileNotFoundError:
            pytest.skip("a small file system cannot be mounted here: neither root nor sudo")
        if done.returncode:
            pytest.skip(f"a small file system cannot be mounted here: {done.stderr.decode().strip()}")
        try:
            yield SmallDisk(Path(name))
        finally:
            subprocess.run([*sudo, "umount", "-l", name], check=True)
