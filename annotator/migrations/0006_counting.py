"""Indexes that hold all that counting needs: row-level security would otherwise have each row looked up."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotator', '0005_finding'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='decision',
            name='decisions_by_time',
        ),
        migrations.AddIndex(
            model_name='annotation',
            index=models.Index(fields=['project', 'updated_at'], include=('tenant', 'annotator', 'state', 'flag', 'milliseconds'), name='annotations_at_work'),
        ),
        migrations.AddIndex(
            model_name='decision',
            index=models.Index(fields=['project', 'created_at'], include=('tenant', 'verdict'), name='decisions_by_time'),
        ),
    ]
