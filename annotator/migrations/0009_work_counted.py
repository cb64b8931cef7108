"""A skip takes up no place any more: places in the queue are counted anew."""

from django.db import migrations

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
        migrations.RunPython(settle_what_is_there, migrations.RunPython.noop),
    ]
