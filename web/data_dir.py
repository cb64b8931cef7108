"""DATA_DIR: ours alone while we run, writable, read by nobody else, with a secret key that is made once."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

# What lies in it and is ours; the services keep their own directories to themselves.
OURS = (
    "beat-schedule*", "exports", "lock", "logs", "models", "postgres_password", "run", "runtime.json*", "secret_key*",
    "static", "uploads",
)  # fmt: skip
OTHERS = 0o077


class DataDirProblem(RuntimeError):
    """The directory cannot be used; the message says why in one line."""


def keep_private() -> None:
    """From now on whatever this process or a child of it makes is its user's alone."""
    os.umask(OTHERS)


def tighten(data_dir: Path) -> None:
    """Take from others what an earlier version, or somebody's copy, let them read. Into DATA_DIR itself others may
    pass, for the services' user where root started them; they see nothing there."""
    mode = data_dir.stat().st_mode
    if mode & OTHERS & ~0o011 and data_dir.stat().st_uid == os.geteuid():
        data_dir.chmod(mode & 0o711)
    for pattern in OURS:
        for place in data_dir.glob(pattern):
            _close(place)
            for folder, folders, files in os.walk(place):
                for name in folders + files:
                    _close(Path(folder, name))


def _close(path: Path) -> None:
    with suppress(FileNotFoundError):  # a file of the moment
        status = path.lstat()
        if status.st_mode & OTHERS and status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode):
            path.chmod(stat.S_IMODE(status.st_mode) & ~OTHERS)


def claim(data_dir: Path, address: str) -> IO[str]:
    """Lock the directory while the returned file is open; the kernel drops the lock of a dead process."""
    try:
        for place in (data_dir, data_dir / "logs", data_dir / "run"):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.fdopen(os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+")
    except OSError as error:
        raise DataDirProblem(
            f"DATA_DIR {data_dir} cannot be written ({error.strerror}): make it writable or set another DATA_DIR."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _holder(lock)
        lock.close()
        message = f"DATA_DIR {data_dir} is in use by {holder}: stop it or set another DATA_DIR."
        raise DataDirProblem(message) from None
    lock.truncate(0)
    json.dump({"pid": os.getpid(), "address": address}, lock)
    lock.flush()
    return lock


def secret_key(data_dir: Path) -> str:
    """The install's own key, readable by its owner only; losing it signs everybody out."""
    path = data_dir / "secret_key"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(48))
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Write a line that only we may read, whole and to the disk or not at all."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _holder(lock: IO[str]) -> str:
    try:
        written = json.load(lock)
        return f"the install at {written['address']} (process {written['pid']})"
    except (ValueError, KeyError):
        return "another install that is just starting"
