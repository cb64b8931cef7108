"""What a manager writes in Markdown is shown to everybody: as it was meant, and never as a script."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.template import Context, Template

from web import guidelines


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**People**, not *roles*.", "<p><strong>People</strong>, not <em>roles</em>.</p>\n"),
        ("# When\n## in doubt", "<h3>When</h3>\n<h4>in doubt</h4>\n"),
        ("##### Deep", "<h6>Deep</h6>\n"),
        ("- yes\n- no", "<ul>\n<li>yes</li>\n<li>no</li>\n</ul>\n"),
        ("PERSON: a name\nPLACE: a town", "<p>PERSON: a name<br>\nPLACE: a town</p>\n"),
        ("`Ada`", "<p><code>Ada</code></p>\n"),
        ("", ""),
        ("שלום **עולם**", "<p>שלום <strong>עולם</strong></p>\n"),
    ],
)
def test_markdown_is_shown_as_it_was_meant(written, shown):
    assert guidelines.html(written) == shown


def test_tables_of_examples_can_be_written():
    assert "<td>Ada</td>" in guidelines.html("| text | label |\n|---|---|\n| Ada | PERSON |")


def test_a_link_opens_beside_the_page_and_tells_it_nothing():
    shown = guidelines.html("[more](https://example.org/a?b=1&c=2)")

    assert 'href="https://example.org/a?b=1&amp;c=2"' in shown
    assert 'target="_blank"' in shown
    assert 'rel="noopener noreferrer"' in shown


@pytest.mark.parametrize(
    "written",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&#58;alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "![x](https://example.org/x.png)",
        '<a href="https://example.org" onclick="alert(1)">x</a>',
        "<style>body{display:none}</style>",
        "[x]: javascript:alert(1)\n\n[x]",
    ],
)
def test_what_could_run_or_load_anything_does_not(written):
    elements = Elements()

    elements.feed(guidelines.html(written))

    assert {tag for tag, _ in elements.found} <= {"p", "a", "pre", "code"}
    assert {name for _, attributes in elements.found for name in attributes} <= {"href", "rel", "target"}
    assert all(attributes.get("href", "https:").startswith("https:") for _, attributes in elements.found)


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_templates_have_it_as_a_filter():
    template = Template("{% load guidelines %}{{ text|guidelines_html }}")

    assert template.render(Context({"text": "*a* <b>"})) == "<p><em>a</em> &lt;b&gt;</p>\n"
