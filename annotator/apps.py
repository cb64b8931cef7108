"""The annotator application: tenants, documents, labels, the queue and the ledger of decisions."""

from django.apps import AppConfig


class AnnotatorConfig(AppConfig):
    name = "annotator"
    default_auto_field = "django.db.models.BigAutoField"
