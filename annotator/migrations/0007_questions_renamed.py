"""Questions remember their former names, as labels do."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotator", "0006_counting")]
    operations = [
        migrations.AddField(model_name="question", name="former", field=models.JSONField(default=list)),
    ]
