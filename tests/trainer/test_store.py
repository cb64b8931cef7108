"""Published exports: found where TensorFlow Serving looks, and refused once a byte of them has changed."""

from __future__ import annotations

import pytest

from trainer import store


@pytest.fixture
def export(tmp_path):
    folder = tmp_path / "run" / "export" / "1"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"weights")
    return folder


def test_a_published_export_lies_in_its_place_and_verifies(export, tmp_path):
    target = tmp_path / "1" / "7" / "3"
    target.parent.mkdir(parents=True)

    digest = store.publish(export, target)

    store.verify(target, digest)
    assert (target / "saved_model.pb").read_bytes() == b"graph"
    assert not export.exists()


def test_what_a_killed_round_left_in_the_place_is_replaced(export, tmp_path):
    target = tmp_path / "3"
    target.mkdir()
    (target / "saved_model.pb").write_bytes(b"half")

    store.verify(target, store.publish(export, target))
    assert (target / "saved_model.pb").read_bytes() == b"graph"


def changed_byte(path):
    (path / "variables" / "variables.index").write_bytes(b"weightS")


def added_file(path):
    (path / "extra").write_bytes(b"")


def removed_file(path):
    (path / "saved_model.pb").unlink()


def forged_manifest(path):
    changed_byte(path)
    (path / store.MANIFEST).write_text("{}")


def removed_manifest(path):
    (path / store.MANIFEST).unlink()


@pytest.mark.parametrize("tamper", [changed_byte, added_file, removed_file, forged_manifest, removed_manifest])
def test_a_changed_export_is_not_loaded(export, tmp_path, tamper):
    target = tmp_path / "3"
    digest = store.publish(export, target)

    tamper(target)

    with pytest.raises(store.Tampered) as refused:
        store.verify(target, digest)
    assert str(tmp_path) not in str(refused.value)  # people of a tenant read it


def test_answers_to_held_out_documents_are_read_only_as_they_were_published(export, tmp_path):
    target = tmp_path / "3"
    assert store.held_out(target, "") is None
    (export / store.HELD_OUT).write_bytes(b'{"id": "a"}\n')
    digest = store.publish(export, target)

    assert store.held_out(target, digest) == b'{"id": "a"}\n'
    assert store.held_out(target, "0" * 64) is None
    (target / store.HELD_OUT).write_bytes(b'{"id": "b"}\n')
    assert store.held_out(target, digest) is None
