"""Where exports lie, and that they are what was published: ``<models>/<tenant>/<project>/<number>/``.

The folder is what TensorFlow Serving expects. ``manifest.json`` beside the model lists every file's sha256; the
manifest's own sha256 is in the database, so a changed byte anywhere is noticed before the model is loaded.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from django.conf import settings

MANIFEST = "manifest.json"
HELD_OUT = "held_out.jsonl"  # what the version answered for the documents that it was judged on


class Tampered(RuntimeError):
    """A published export is not what it was; it must not be loaded."""


def project_dir(tenant_id: int, project_id: int) -> Path:
    return Path(settings.MODELS_DIR) / str(tenant_id) / str(project_id)


def version_dir(tenant_id: int, project_id: int, number: int) -> Path:
    return project_dir(tenant_id, project_id) / str(number)


def run_dir(tenant_id: int, project_id: int, run_id: int) -> Path:
    """A run's own folder: its snapshot, checkpoints and export."""
    path = project_dir(tenant_id, project_id) / "runs" / str(run_id)
    path.mkdir(parents=True, exist_ok=True)
    return path


def vectors_file(tenant_id: int, project_id: int) -> Path:
    """Where a project keeps the word vectors of its own texts from run to run. No other project reads them."""
    return project_dir(tenant_id, project_id) / "vectors.npz"


def states_file(tenant_id: int, project_id: int) -> Path:
    """Where a project keeps what an encoder made of its own texts. No other project reads it."""
    return project_dir(tenant_id, project_id) / "states.sqlite"


def rehearsal_dir(tenant_id: int, project_id: int) -> Path:
    """Where a project's next run is rehearsed."""
    return project_dir(tenant_id, project_id) / "rehearsal"


def publish(export: Path, target: Path) -> str:
    """Move an export to its place in one step, with its manifest; returns the manifest's sha256."""
    manifest = json.dumps(_digests(export), indent=1, sort_keys=True).encode()
    (export / MANIFEST).write_bytes(manifest)
    if target.exists():
        # Left by a round that was killed before its version was on record.
        shutil.rmtree(target)
    export.rename(target)
    return hashlib.sha256(manifest).hexdigest()


def intact(path: Path, manifest_sha256: str) -> Path | None:
    """The path, if every byte under it is as published."""
    try:
        verify(path, manifest_sha256)
    except Tampered:
        return None
    return path


def verify(path: Path, manifest_sha256: str) -> None:
    """Raise Tampered unless every byte under ``path`` is as published.

    Users of the API read the message: it says tenant, project and number, not where the store is.
    """
    where = "/".join(path.parts[-3:])
    try:
        manifest = (path / MANIFEST).read_bytes()
    except FileNotFoundError as error:
        raise Tampered(f"Model {where} has no {MANIFEST}.") from error
    if hashlib.sha256(manifest).hexdigest() != manifest_sha256:
        raise Tampered(f"Model {where}: {MANIFEST} is not the one that was published.")
    expected, found = json.loads(manifest), _digests(path)
    changed = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    if changed:
        raise Tampered(f"Model {where}: {', '.join(changed)} changed after publication.")


def held_out(path: Path, manifest_sha256: str) -> bytes | None:
    """The lines of HELD_OUT, if they are as published; None for a version that was made before they were kept."""
    try:
        manifest, lines = (path / MANIFEST).read_bytes(), (path / HELD_OUT).read_bytes()
    except FileNotFoundError:
        return None
    expected = json.loads(manifest).get(HELD_OUT)
    known = hashlib.sha256(manifest).hexdigest() == manifest_sha256
    return lines if known and hashlib.sha256(lines).hexdigest() == expected else None


def prepare(path: Path, held_out: bytes) -> str:
    """Lay other held-out answers aside, with the manifest that fits them; its sha256. ``settle`` puts them in place."""
    aside = _aside(path)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    digests = json.loads((path / MANIFEST).read_bytes())
    digests[HELD_OUT] = hashlib.sha256(held_out).hexdigest()
    manifest = json.dumps(digests, indent=1, sort_keys=True).encode()
    (aside / HELD_OUT).write_bytes(held_out)
    (aside / MANIFEST).write_bytes(manifest)
    return hashlib.sha256(manifest).hexdigest()


def settle(path: Path, manifest_sha256: str) -> None:
    """Put what lies aside in place if its manifest is the one on record, else throw it away."""
    aside = _aside(path)
    if not aside.is_dir():
        return
    manifest = aside / MANIFEST
    if not manifest.exists():
        manifest = path / MANIFEST  # it was moved already, before whoever moved it was killed
    if hashlib.sha256(manifest.read_bytes()).hexdigest() == manifest_sha256:
        for name in (MANIFEST, HELD_OUT):
            if (aside / name).exists():
                (aside / name).replace(path / name)
    shutil.rmtree(aside)


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.aside")


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != MANIFEST
    }
