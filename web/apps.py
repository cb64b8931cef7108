"""The web application: API, pages, sign-in."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "web"
