"""Row-level security, composite foreign keys and grants: the locks below the application.

Later migrations protect their own tables with marginalia_protect() and tie them with marginalia_link().
The role marginalia_app must exist before this runs; the launcher and the install make it.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION marginalia_protect(target regclass, append_only boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY one_tenant ON %s
    USING (tenant_id = nullif(current_setting(''marginalia.tenant'', true), '''')::bigint)
    WITH CHECK (tenant_id = nullif(current_setting(''marginalia.tenant'', true), '''')::bigint)', target);
  EXECUTE format('ALTER TABLE %s ADD UNIQUE (tenant_id, id)', target);
  IF append_only THEN
    EXECUTE format('REVOKE ALL ON %s FROM marginalia_app', target);
    EXECUTE format('GRANT SELECT, INSERT ON %s TO marginalia_app', target);
  END IF;
END $$;

CREATE FUNCTION marginalia_link(child regclass, link text, parent regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ADD FOREIGN KEY (tenant_id, %I) REFERENCES %s (tenant_id, id)',
                 child, link, parent);
END $$;

REVOKE EXECUTE ON FUNCTION marginalia_protect, marginalia_link FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO marginalia_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO marginalia_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO marginalia_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO marginalia_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO marginalia_app;
"""

UNDO_FUNCTIONS = """
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM marginalia_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM marginalia_app;
DROP FUNCTION marginalia_link, marginalia_protect;
"""

TABLES = ["project", "question", "label", "document", "claim", "annotation", "job", "apitoken"]
LEDGERS = ["annotationrevision", "suggestion", "decision", "auditevent"]
LINKS = [
    ("question", "project_id", "project"),
    ("label", "project_id", "project"),
    ("label", "question_id", "question"),
    ("document", "project_id", "project"),
    ("claim", "project_id", "project"),
    ("claim", "document_id", "document"),
    ("annotation", "project_id", "project"),
    ("annotation", "document_id", "document"),
    ("annotationrevision", "project_id", "project"),
    ("annotationrevision", "annotation_id", "annotation"),
    ("suggestion", "project_id", "project"),
    ("suggestion", "document_id", "document"),
    ("decision", "project_id", "project"),
    ("decision", "suggestion_id", "suggestion"),
    ("job", "project_id", "project"),
]

PROTECT = "\n".join(
    [f"SELECT marginalia_protect('annotator_{name}');" for name in TABLES]
    + [f"SELECT marginalia_protect('annotator_{name}', append_only => true);" for name in LEDGERS]
    + [f"SELECT marginalia_link('annotator_{c}', '{link}', 'annotator_{p}');" for c, link, p in LINKS]
)

UNPROTECT = "\n".join(
    [f"ALTER TABLE annotator_{c} DROP CONSTRAINT annotator_{c}_tenant_id_{link}_fkey;" for c, link, _ in LINKS]
    + [
        f"ALTER TABLE annotator_{name} DROP CONSTRAINT annotator_{name}_tenant_id_id_key;"
        f"DROP POLICY one_tenant ON annotator_{name};"
        f"ALTER TABLE annotator_{name} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;"
        for name in TABLES + LEDGERS
    ]
)


class Migration(migrations.Migration):
    dependencies = [("annotator", "0001_initial")]
    operations = [
        migrations.RunSQL(FUNCTIONS, UNDO_FUNCTIONS),
        migrations.RunSQL(PROTECT, UNPROTECT),
    ]
