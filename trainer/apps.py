"""The trainer application: runs, model versions, and the Celery tasks that make them."""

from django.apps import AppConfig


class TrainerConfig(AppConfig):
    name = "trainer"
    default_auto_field = "django.db.models.BigAutoField"
