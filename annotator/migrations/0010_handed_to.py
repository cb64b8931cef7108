"""Whom a document was handed: an answer of theirs is taken, though their lease ran out and others have answered it."""

import django.contrib.postgres.fields
from django.db import migrations, models

# Whoever has one now.
LEASED = """
UPDATE annotator_document d SET handed_to = c.people
FROM (SELECT document_id, array_agg(annotator_id::bigint) AS people FROM annotator_claim GROUP BY document_id) c
WHERE d.id = c.document_id
"""


def remember_leases(apps, schema_editor):
    """Tenant by tenant, because row-level security binds the owner, too."""
    tenants = apps.get_model("annotator", "Tenant").objects.values_list("pk", flat=True)
    with schema_editor.connection.cursor() as cursor:
        for tenant in list(tenants):
            cursor.execute("SELECT set_config('marginalia.tenant', %s, true)", [str(tenant)])
            cursor.execute(LEASED)
        cursor.execute("SELECT set_config('marginalia.tenant', '', true)")


class Migration(migrations.Migration):

    dependencies = [
        ("annotator", "0009_export_reports"),
    ]

    operations = [
        migrations.AddField(
            model_name='document',
            name='handed_to',
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), help_text='People who ever got it from the queue.', null=True, size=None
            ),
        ),
        migrations.RunPython(remember_leases, migrations.RunPython.noop),
    ]
