"""Imports keep what is told of their rows, counted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotator", "0012_work_counted")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="told",
            field=models.JSONField(
                default=dict, help_text="All rows by what is told of them, as importing/told.py keeps it."
            ),
        ),
    ]
