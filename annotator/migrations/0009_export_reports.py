"""Jobs keep the report of an export: what its format could not hold."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotator", "0008_lighter_finding")]
    operations = [
        migrations.AddField(
            model_name="job",
            name="report",
            field=models.JSONField(
                default=dict, help_text="What an export wrote, and what its format could not hold."
            ),
        ),
    ]
