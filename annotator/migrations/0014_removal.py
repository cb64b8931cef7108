"""When passwords changed and tokens were used; and what is deleted: an import's documents are known, and each table of history has one guarded way out of it.

The application's role may still neither change nor delete history. It may call three functions, which run with the
owner's rights, look at the rows of the tenant in scope alone, and take nothing but the whole of what goes.
"""

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.db import migrations, models

FUNCTIONS = """
CREATE FUNCTION marginalia_tenant() RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  tenant bigint := nullif(current_setting('marginalia.tenant', true), '')::bigint;
BEGIN
  IF tenant IS NULL THEN
    RAISE EXCEPTION 'no tenant is in scope' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN tenant;
END $$;

-- Documents with all that people and models said about them. Their rows are locked first, so that nobody adds anything.
CREATE FUNCTION marginalia_delete_documents(wanted bigint[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  tenant bigint := marginalia_tenant();
  there bigint[];
  gone bigint;
BEGIN
  SELECT coalesce(array_agg(id), '{}') INTO there FROM (
    SELECT id FROM annotator_document WHERE tenant_id = tenant AND id = ANY(wanted) ORDER BY id FOR UPDATE
  ) locked;
  DELETE FROM annotator_decision v USING annotator_suggestion s
    WHERE v.tenant_id = tenant AND s.tenant_id = tenant AND v.suggestion_id = s.id AND s.document_id = ANY(there);
  DELETE FROM annotator_suggestion WHERE tenant_id = tenant AND document_id = ANY(there);
  DELETE FROM annotator_annotationrevision r USING annotator_annotation a
    WHERE r.tenant_id = tenant AND a.tenant_id = tenant AND r.annotation_id = a.id AND a.document_id = ANY(there);
  DELETE FROM annotator_annotation WHERE tenant_id = tenant AND document_id = ANY(there);
  DELETE FROM annotator_claim WHERE tenant_id = tenant AND document_id = ANY(there);
  DELETE FROM annotator_facet WHERE tenant_id = tenant AND document_id = ANY(there);
  INSERT INTO annotator_deleteddocument (tenant_id, document, deleted_at)
    SELECT tenant, id, now() FROM unnest(there) AS id ON CONFLICT DO NOTHING;
  DELETE FROM annotator_document WHERE tenant_id = tenant AND id = ANY(there);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;

-- Who did what and when stays on record; what the project's things were called does not.
CREATE FUNCTION marginalia_redact_project(wanted bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  tenant bigint := marginalia_tenant();
BEGIN
  IF EXISTS (SELECT FROM annotator_project WHERE tenant_id = tenant AND id = wanted) THEN
    RAISE EXCEPTION 'project % is still there', wanted USING ERRCODE = 'insufficient_privilege';
  END IF;
  UPDATE annotator_auditevent
    SET target = 'project ' || wanted, detail = jsonb_build_object('project', wanted, 'redacted', true)
    WHERE tenant_id = tenant AND detail->>'project' = wanted::text AND action NOT LIKE '%.delete';
END $$;

-- The record of a tenant itself, once nothing and nobody is left in it.
CREATE FUNCTION marginalia_delete_record() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  tenant bigint := marginalia_tenant();
BEGIN
  IF EXISTS (SELECT FROM annotator_project WHERE tenant_id = tenant)
    OR EXISTS (SELECT FROM annotator_membership WHERE tenant_id = tenant) THEN
    RAISE EXCEPTION 'the tenant has projects or members' USING ERRCODE = 'insufficient_privilege';
  END IF;
  DELETE FROM annotator_auditevent WHERE tenant_id = tenant;
END $$;

REVOKE EXECUTE ON FUNCTION marginalia_tenant, marginalia_delete_documents, marginalia_redact_project,
  marginalia_delete_record FROM PUBLIC;
GRANT EXECUTE ON FUNCTION marginalia_delete_documents, marginalia_redact_project, marginalia_delete_record
  TO marginalia_app;
"""
NO_FUNCTIONS = """
DROP FUNCTION marginalia_delete_documents, marginalia_redact_project, marginalia_delete_record, marginalia_tenant;
"""
PROTECT = """
SELECT marginalia_protect('annotator_deleteddocument');
SELECT marginalia_link('annotator_document', 'job_id', 'annotator_job');
"""
UNPROTECT = """
ALTER TABLE annotator_document DROP CONSTRAINT annotator_document_tenant_id_job_id_fkey;
"""


class Migration(migrations.Migration):

    dependencies = [
        ("annotator", "0013_told_of_imports"),
    ]

    operations = [
        migrations.AddField(
            model_name="user", name="password_changed_at", field=models.DateTimeField(editable=False, null=True)
        ),
        migrations.AddField(
            model_name="apitoken",
            name="used_at",
            field=models.DateTimeField(help_text="Its last use, give or take an hour.", null=True),
        ),
        migrations.CreateModel(
            name="DeletedDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("document", models.BigIntegerField()),
                ("deleted_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("tenant", models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="annotator.tenant")),
            ],
            options={
                "abstract": False,
                "base_manager_name": "guarded",
                "default_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("tenant", "document"), name="deleted_once")],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("guarded", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(choices=[("import", "import"), ("export", "export"), ("delete", "delete")], max_length=6),
        ),
        migrations.AlterField(
            model_name="job",
            name="project",
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="jobs", to="annotator.project"),
        ),
        migrations.AddField(
            model_name="document",
            name="job",
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, to="annotator.job"),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(condition=models.Q(("job__isnull", False)), fields=["job", "id"], name="documents_by_import"),
        ),
        migrations.RunSQL(PROTECT, UNPROTECT),
        migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS),
    ]
