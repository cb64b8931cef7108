"""By what documents are found, without operators that row-level security keeps from indexes; more states of jobs."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

from annotator.finding import words


# Recomputed for the documents of the answers that a statement changed, so that it does not matter who wrote them.
TRIGGERS = """
CREATE FUNCTION marginalia_facets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH touched AS (
    SELECT DISTINCT tenant_id, project_id, document_id FROM changed
  ), answers AS (
    SELECT a.* FROM annotator_annotation a WHERE a.document_id IN (SELECT document_id FROM touched)
  ), wanted AS (
    SELECT document_id, 'state:' || state AS facet FROM answers
    UNION SELECT document_id, 'by:' || annotator_id FROM answers WHERE state <> 'draft'
    UNION SELECT document_id, 'flag:' || flag FROM answers WHERE flag <> ''
    UNION SELECT document_id, 'flag:any' FROM answers WHERE flag <> ''
    UNION SELECT document_id, 'comment' FROM answers WHERE comment <> ''
    UNION SELECT document_id, 'span:' || (item->>'label') FROM answers, jsonb_array_elements(answer->'spans') item
      WHERE state = 'submitted'
    UNION SELECT document_id, 'relation:' || (item->>'label')
      FROM answers, jsonb_array_elements(answer->'relations') item WHERE state = 'submitted'
    UNION SELECT document_id, 'choice:' || question || '=' || choice
      FROM answers, jsonb_each(answer->'classes') c (question, chosen), jsonb_array_elements_text(chosen) choice
      WHERE state = 'submitted'
    UNION SELECT document_id, 'differs' FROM answers WHERE state = 'submitted'
      GROUP BY document_id HAVING count(*) > 1 AND count(DISTINCT answer) > 1
  ), gone AS (
    DELETE FROM annotator_facet f USING touched t
    WHERE f.document_id = t.document_id
      AND NOT EXISTS (SELECT FROM wanted w WHERE w.document_id = f.document_id AND w.facet = f.facet)
  )
  INSERT INTO annotator_facet (tenant_id, project_id, document_id, facet)
  SELECT t.tenant_id, t.project_id, w.document_id, w.facet FROM wanted w JOIN touched t USING (document_id)
  ON CONFLICT (document_id, facet) DO NOTHING;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION marginalia_facets FROM PUBLIC;
CREATE TRIGGER facets_of_new AFTER INSERT ON annotator_annotation
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION marginalia_facets();
CREATE TRIGGER facets_of_changed AFTER UPDATE ON annotator_annotation
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION marginalia_facets();
CREATE TRIGGER facets_of_gone AFTER DELETE ON annotator_annotation
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION marginalia_facets();
"""
NO_TRIGGERS = """
DROP TRIGGER facets_of_new ON annotator_annotation;
DROP TRIGGER facets_of_changed ON annotator_annotation;
DROP TRIGGER facets_of_gone ON annotator_annotation;
DROP FUNCTION marginalia_facets;
"""
LINKS = [("facet", "project_id", "project"), ("facet", "document_id", "document"), ("posting", "project_id", "project")]
PROTECT = "\n".join(
    [f"SELECT marginalia_protect('annotator_{name}');" for name in ("facet", "posting")]
    + [f"SELECT marginalia_link('annotator_{c}', '{link}', 'annotator_{p}');" for c, link, p in LINKS]
)
BATCH = 1000


def index_what_is_there(apps, schema_editor):
    """Documents and answers from before: tenant by tenant, because row-level security binds the owner, too."""
    tenants = apps.get_model("annotator", "Tenant").objects.values_list("pk", flat=True)
    with schema_editor.connection.cursor() as cursor:
        for tenant in list(tenants):
            cursor.execute("SELECT set_config('marginalia.tenant', %s, true)", [str(tenant)])
            cursor.execute("UPDATE annotator_annotation SET state = state")
            _index_texts(cursor, tenant)
        cursor.execute("SELECT set_config('marginalia.tenant', '', true)")


def _index_texts(cursor, tenant):
    last = 0
    while True:
        cursor.execute(
            "SELECT id, project_id, external_id, left(text, %s) FROM annotator_document WHERE id > %s ORDER BY id LIMIT %s",
            [words.READ_CHARACTERS, last, BATCH],
        )
        rows = cursor.fetchall()
        if not rows:
            return
        for project in {row[1] for row in rows}:
            batch = [(pk, external_id, text) for pk, owner, external_id, text in rows if owner == project]
            cursor.execute(words.INSERT, words.postings(tenant, project, batch))
        last = rows[-1][0]


class Migration(migrations.Migration):

    dependencies = [
        ('annotator', '0004_invitations'),
    ]

    operations = [
        migrations.CreateModel(
            name='Facet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('facet', models.CharField(db_collation='C', max_length=220)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'guarded',
                'default_manager_name': 'objects',
            },
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('guarded', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Posting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('word', models.CharField(db_collation='C', max_length=40)),
                ('documents', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'guarded',
                'default_manager_name': 'objects',
            },
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('guarded', django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddField(
            model_name='job',
            name='errors_bytes',
            field=models.BigIntegerField(default=0, help_text='How much of the file of all refusals counts.'),
        ),
        migrations.AddField(
            model_name='job',
            name='started_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='job',
            name='state',
            field=models.CharField(choices=[('uploaded', 'uploaded'), ('queued', 'queued'), ('running', 'running'), ('succeeded', 'succeeded'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='queued', max_length=9),
        ),
        migrations.AddIndex(
            model_name='document',
            index=models.Index(fields=['project', 'split', 'id'], include=['tenant'], name='documents_by_split'),
        ),
        migrations.AddIndex(
            model_name='document',
            index=models.Index(condition=models.Q(('free_slots__gt', 0)), fields=['project', 'id'], include=['tenant'], name='open_documents'),
        ),
        migrations.AddIndex(
            model_name='document',
            index=models.Index(fields=['project', '-priority', '-id'], include=['tenant'], name='documents_by_priority'),
        ),
        migrations.AddField(
            model_name='facet',
            name='document',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, to='annotator.document'),
        ),
        migrations.AddField(
            model_name='facet',
            name='project',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, to='annotator.project'),
        ),
        migrations.AddField(
            model_name='facet',
            name='tenant',
            field=models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to='annotator.tenant'),
        ),
        migrations.AddField(
            model_name='posting',
            name='project',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, to='annotator.project'),
        ),
        migrations.AddField(
            model_name='posting',
            name='tenant',
            field=models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to='annotator.tenant'),
        ),
        migrations.AddIndex(
            model_name='facet',
            index=models.Index(fields=['project', 'facet', 'document'], include=['tenant'], name='documents_by_facet'),
        ),
        migrations.AddConstraint(
            model_name='facet',
            constraint=models.UniqueConstraint(fields=('document', 'facet'), name='facet_once'),
        ),
        migrations.AddIndex(
            model_name='posting',
            index=models.Index(fields=['project', 'word'], name='postings_by_word'),
        ),
        migrations.RunSQL(PROTECT, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
        migrations.RunPython(index_what_is_there, migrations.RunPython.noop),
    ]
