"""``{% load guidelines %}{{ project.guidelines|guidelines_html }}``"""

from __future__ import annotations

from django import template

from web import guidelines

register = template.Library()
register.filter("guidelines_html", guidelines.html)
