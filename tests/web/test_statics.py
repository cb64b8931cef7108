"""Scripts and styles: compressed, kept for good, and never those of another version."""

from __future__ import annotations

import gzip
import re

import pytest
from django.conf import settings

from web import statics


@pytest.fixture
def style(client, db):
    return re.search(r'href="(\S+/style.css)"', client.get("/signin").text).group(1)


def test_a_page_names_files_that_browsers_keep_for_good_and_get_compressed(client, style):
    response = client.get(style, headers={"Accept-Encoding": "gzip"})

    assert settings.STATIC_VERSION in style
    assert response.headers["Cache-Control"] == "max-age=315360000, public, immutable"
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers.keys().isdisjoint({"ETag", "Last-Modified"})
    assert gzip.decompress(response.getvalue()) == _sent("web/style.css")


def test_who_cannot_unpack_gets_it_as_it_is(client, style):
    response = client.get(style)

    assert "Content-Encoding" not in response.headers
    assert response.getvalue() == _sent("web/style.css")


def _sent(name: str) -> bytes:
    return statics.without_comments((statics.SOURCE / name).read_bytes())


def test_comments_stay_at_home_and_the_numbers_of_lines_the_same():
    source = b"/** What it\n * does. */\nlet a = 1; // one\n  // two\n/* a */ let b /* c */\n/* d */\n"

    assert statics.without_comments(source) == b"\n\nlet a = 1; // one\n\n/* a */ let b /* c */\n\n"


SENT = [path for path in statics.SOURCE.rglob("*") if path.suffix in (".js", ".css")]


@pytest.mark.parametrize("path", SENT, ids=lambda path: path.name)
def test_nothing_but_comments_is_taken_out(path):
    """In no file does a line in the midst of a text in backticks begin like a comment."""
    source = path.read_bytes()

    for found in statics.COMMENT.finditer(source):
        assert statics.without_comments(source[: found.start()]).count(b"`") % 2 == 0, found.group()


def test_whatever_changes_has_a_new_address(tmp_path):
    script = tmp_path / "source/one.js"
    script.parent.mkdir()
    script.write_text("1")
    before = statics.version(tmp_path / "source")

    script.write_text("2")
    changed = statics.version(tmp_path / "source")
    script.rename(script.with_name("two.js"))

    assert len({before, changed, statics.version(tmp_path / "source")}) == 3


def test_the_versions_before_are_kept_for_pages_that_are_open(tmp_path):
    source, root = tmp_path / "source", tmp_path / "root"
    source.mkdir()
    (source / "one.js").write_text("let one;\n" * 100)

    for number in range(statics.KEPT + 2):
        statics.lay_out(root, f"v{number}", source)
    statics.lay_out(root, f"v{statics.KEPT + 1}", source)

    assert sorted(path.name for path in root.iterdir()) == [f"v{n}" for n in range(2, statics.KEPT + 2)]
    assert sorted(path.name for path in (root / "v2").iterdir()) == ["one.js", "one.js.gz"]
