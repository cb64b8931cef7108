"""How far a version has ranked the pool stands with the version, so that it goes on wherever a worker is killed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trainer", "0002_row_security")]
    operations = [
        migrations.AddField(
            model_name="modelversion",
            name="ranked_to",
            field=models.FloatField(default=-1.0, help_text="How far it has, in the pool's shuffled order."),
        ),
        migrations.AlterField(
            model_name="modelversion",
            name="ranked",
            field=models.BooleanField(
                default=False, help_text="Whether it has given all of the pool new priorities."
            ),
        ),
    ]
