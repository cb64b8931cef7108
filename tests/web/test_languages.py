"""The pages in the language that somebody chose, or that their browser asks for."""

from __future__ import annotations

import json
import re

from django.template.defaultfilters import floatformat
from django.test import Client
from django.urls import reverse
from django.utils import translation


def test_a_page_speaks_the_browsers_language_and_runs_in_its_direction(client, db):
    arabic = client.get(reverse("signin"), headers={"Accept-Language": "ar-EG,en;q=0.5"}).text
    other = client.get(reverse("signin"), headers={"Accept-Language": "nl"}).text

    assert '<html lang="ar" dir="rtl">' in arabic
    assert '<html lang="en" dir="ltr">' in other


def test_the_language_chosen_stays(client, db):
    chosen = client.post(reverse("language"), {"language": "ar", "next": "/signin"})

    assert chosen.headers["Location"] == "/signin"
    assert '<html lang="ar"' in client.get(reverse("signin"), headers={"Accept-Language": "en"}).text


def test_the_choice_leads_nowhere_else(client, db):
    chosen = client.post(reverse("language"), {"language": "ar", "next": "https://elsewhere.example/"})

    assert chosen.headers["Location"] == "/"


def test_scripts_get_their_sentences_with_the_page(client, db):
    english = client.get(reverse("signin")).text
    arabic = client.get(reverse("signin"), headers={"Accept-Language": "ar"}).text

    found = json.loads(re.search(r'<script id="i18n" type="application/json">(.*?)</script>', arabic).group(1))
    assert found["plural"].startswith("ar")
    assert 'id="i18n"' not in english


def test_pages_that_refuse_speak_it_too(client, db):
    missing = client.get("/nothing", headers={"Accept-Language": "ar"})
    stale = Client(enforce_csrf_checks=True).post(reverse("signin"), headers={"Accept-Language": "ar"})

    for refused, status in ((missing, 404), (stale, 403)):
        assert refused.status_code == status
        assert '<html lang="ar" dir="rtl">' in refused.text
        assert 'class="sheet-card"' in refused.text


def test_numbers_look_alike_in_pages_and_in_their_scripts():
    with translation.override("ar"):
        assert floatformat(1234567.5, "1g") == "1,234,567.5"


def test_the_api_speaks_english(client, db):
    refused = client.get("/t/nobody/api/v1/projects", headers={"Accept-Language": "ar"})

    assert refused.json()["error"]["message"] == "Send a bearer token, or sign in."
