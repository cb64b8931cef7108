"""``{% load documents %}{% document_url document.pk %}``: where a list of documents leads."""

from __future__ import annotations

from django import template
from django.template import Context
from django.urls import reverse

from annotator.accounts import Role

register = template.Library()


@register.simple_tag(takes_context=True)
def document_url(context: Context, document_id: int) -> str:
    """To all answers, for who may see them; for others to their own. Never, from a list, to an empty desk."""
    request = context["request"]
    name = "document-answers" if Role.covers(request.role, Role.REVIEWER) else "document"
    return reverse(name, args=[request.tenant.slug, document_id])
