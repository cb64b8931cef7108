"""Guidelines and definitions: what managers write in Markdown, as HTML that is safe to show anybody."""

from __future__ import annotations

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

# No pictures: a page loads nothing from elsewhere.
TAGS = {
    "a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong", "table",
    "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}
BELOW = 2  # a first heading stands below the page's own and that of the drawer

_markdown = (
    MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"]).disable("image")
)


def html(text: str) -> SafeString:
    """Markdown as HTML, a line to a line. Written HTML stays visible as it was typed; links open beside the page."""
    tokens = _markdown.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = _below(token)
    found = _markdown.renderer.render(tokens, _markdown.options, {})
    clean = nh3.clean(
        found,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return mark_safe(clean)  # noqa: S308 (nh3 has cleaned it)


def _below(heading: Token) -> str:
    return f"h{min(6, int(heading.tag[1]) + BELOW)}"
