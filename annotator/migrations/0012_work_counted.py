"""A skip takes up no place any more: places in the queue are counted anew. What was imported is known as nobody's work.
People and projects have time zones."""

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

# An import wrote its documents and their answers in one transaction; nobody's hand was ever that quick.
IMPORTED = """
UPDATE annotator_annotationrevision r SET imported = true
FROM annotator_annotation a JOIN annotator_document d ON d.id = a.document_id
WHERE r.annotation_id = a.id AND r.revision = 1 AND r.created_at = d.created_at;
UPDATE annotator_annotation a SET imported = true FROM annotator_document d
WHERE d.id = a.document_id AND a.state = 'submitted' AND a.updated_at = d.created_at;
"""


def settle_what_is_there(apps, schema_editor):
    """Tenant by tenant, because row-level security binds the owner, too."""
    tenants = apps.get_model("annotator", "Tenant").objects.values_list("pk", flat=True)
    with schema_editor.connection.cursor() as cursor:
        for tenant in list(tenants):
            cursor.execute("SELECT set_config('marginalia.tenant', %s, true)", [str(tenant)])
            cursor.execute(RECOUNT)
            cursor.execute(IMPORTED)
        cursor.execute("SELECT set_config('marginalia.tenant', '', true)")


class Migration(migrations.Migration):

    dependencies = [
        ("annotator", "0011_what_is_kept"),
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
                help_text="Empty: the viewer's.",
                max_length=64,
            ),
        ),
        *(
            migrations.AddField(
                model_name=name,
                name="imported",
                field=models.BooleanField(db_default=False, default=False, **help_text),
            )
            for name, help_text in (
                ("annotation", {"help_text": "And not settled by a person since."}),
                ("annotationrevision", {}),
            )
        ),
        migrations.RunPython(settle_what_is_there, migrations.RunPython.noop),
        # Of what has changed there are events that wait for the end, and no index is made before they are over.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RemoveIndex(model_name="annotation", name="ones_own_annotations"),
        migrations.RemoveIndex(model_name="annotation", name="annotations_at_work"),
        migrations.AddIndex(
            model_name="annotation",
            index=models.Index(
                fields=["project", "annotator", "-updated_at", "-id"],
                include=("tenant", "state", "imported"),
                name="ones_own_annotations",
            ),
        ),
        migrations.AddIndex(
            model_name="annotation",
            index=models.Index(
                condition=models.Q(("imported", True)),
                fields=["project", "state"],
                include=("tenant",),
                name="imported_annotations",
            ),
        ),
        migrations.AddIndex(
            model_name="annotation",
            index=models.Index(
                fields=["project", "updated_at"],
                include=("tenant", "annotator", "state", "flag", "milliseconds", "imported"),
                name="annotations_at_work",
            ),
        ),
        migrations.AddIndex(
            model_name="annotationrevision",
            index=models.Index(
                condition=models.Q(("imported", False)), fields=["project", "id"], name="revisions_of_people"
            ),
        ),
    ]
