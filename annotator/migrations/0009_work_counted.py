"""A skip takes up no place any more: places in the queue are counted anew. People and projects have time zones."""

from django.db import migrations, models

RECOUNT = """
WITH counted AS (
    SELECT d.id, greatest(0, p.annotators_per_document
        - (SELECT count(*) FROM annotator_annotation a WHERE a.document_id = d.id AND a.state = 'submitted')
        - (SELECT count(*) FROM annotator_claim c WHERE c.document_id = d.id)) AS free
    FROM annotator_document d JOIN annotator_project p ON p.id = d.project_id
    WHERE EXISTS (SELECT FROM annotator_facet f WHERE f.document_id = d.id AND f.facet = 'state:skipped')
)
UPDATE annotator_document d SET free_slots = counted.free FROM counted WHERE d.id = counted.id AND d.free_slots <> counted.free
"""


def settle_what_is_there(apps, schema_editor):
    """Tenant by tenant, because row-level security binds the owner, too."""
    tenants = apps.get_model("annotator", "Tenant").objects.values_list("pk", flat=True)
    with schema_editor.connection.cursor() as cursor:
        for tenant in list(tenants):
            cursor.execute("SELECT set_config('marginalia.tenant', %s, true)", [str(tenant)])
            cursor.execute(RECOUNT)
        cursor.execute("SELECT set_config('marginalia.tenant', '', true)")


class Migration(migrations.Migration):

    dependencies = [
        ("annotator", "0008_lighter_finding"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="time_zone",
            field=models.CharField(blank=True, db_default="", default="", help_text="By its IANA name.", max_length=64),
        ),
        migrations.AddField(
            model_name="user",
            name="ended",
            field=models.JSONField(
                blank=True, default=dict, help_text="Tenants that they were removed from, and whether they were told."
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="time_zone",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Of its days; empty: that of whoever looks.",
                max_length=64,
            ),
        ),
        migrations.RunPython(settle_what_is_there, migrations.RunPython.noop),
    ]
