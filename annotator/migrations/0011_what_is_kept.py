"""Drafts keep verdicts; a project says what becomes of suggestions that nobody decided on; answers that differ in the white
space at the edges of their spans alone are the same."""

from django.db import migrations, models

from words.edges import WHITE

# The white space of annotator.spans as PostgreSQL writes it.
_WHITE = "E'" + "".join(f"\\u{ord(one):04X}" for one in WHITE) + "'"
PENDING = {"choices": [("leave", "leave"), ("reject", "reject"), ("ask", "ask")], "max_length": 6}
SAID = f"""
CREATE FUNCTION marginalia_trimmed(spans jsonb, said text)
RETURNS TABLE (place bigint, span jsonb) LANGUAGE sql IMMUTABLE AS $$
  SELECT s.place - 1, CASE WHEN btrim(w.words, {_WHITE}) = '' THEN jsonb_build_array(w.head, w.tail, s.item->'label') ELSE
    jsonb_build_array(w.head + length(w.words) - length(ltrim(w.words, {_WHITE})),
                      w.tail - length(w.words) + length(rtrim(w.words, {_WHITE})), s.item->'label') END
  FROM jsonb_array_elements(spans) WITH ORDINALITY s (item, place)
  CROSS JOIN LATERAL (SELECT (s.item->>'start')::int AS head, (s.item->>'end')::int AS tail,
    substr(said, (s.item->>'start')::int + 1, (s.item->>'end')::int - (s.item->>'start')::int) AS words) w
$$;
-- An answer in a form that is the same for all who say the same, wherever white space at an edge was taken along.
CREATE FUNCTION marginalia_said(answer jsonb, said text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_build_array(answer->'classes', (SELECT jsonb_agg(DISTINCT t.span) FROM marginalia_trimmed(answer->'spans', said) t),
    (SELECT jsonb_agg(DISTINCT jsonb_build_array(head.span, tail.span, r.item->'label'))
     FROM jsonb_array_elements(answer->'relations') r (item)
     JOIN marginalia_trimmed(answer->'spans', said) head ON head.place = (r.item->>'head')::int
     JOIN marginalia_trimmed(answer->'spans', said) tail ON tail.place = (r.item->>'tail')::int))
$$;
REVOKE EXECUTE ON FUNCTION marginalia_trimmed, marginalia_said FROM PUBLIC;
GRANT EXECUTE ON FUNCTION marginalia_trimmed, marginalia_said TO marginalia_app;
"""
NOT_SAID = "DROP FUNCTION marginalia_said; DROP FUNCTION marginalia_trimmed;"
BEFORE = """
    UNION SELECT document_id, 'differs' FROM answers WHERE state = 'submitted'
      GROUP BY document_id HAVING count(*) > 1 AND count(DISTINCT answer) > 1
"""
# Texts are looked at only where answers are not the very same.
AFTER = """
    UNION SELECT differing.document_id, 'differs' FROM (
        SELECT document_id, array_agg(answer) AS said FROM answers WHERE state = 'submitted'
        GROUP BY document_id HAVING count(*) > 1 AND count(DISTINCT answer) > 1
      ) differing JOIN annotator_document d ON d.id = differing.document_id
      WHERE (SELECT count(DISTINCT marginalia_said(one, d.text)) FROM unnest(differing.said) one) > 1
"""


def rewrite(schema_editor, before, after):
    """The function of migration 0005 with another rule for ``differs``."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('marginalia_facets'::regproc)")
        (body,) = cursor.fetchone()
        assert before in body, "the function of the facets is not the one that this changes"
        cursor.execute(body.replace(before, after))


def level(apps, schema_editor):
    rewrite(schema_editor, BEFORE, AFTER)
    tenants = apps.get_model("annotator", "Tenant").objects.values_list("pk", flat=True)
    with schema_editor.connection.cursor() as cursor:
        for tenant in list(tenants):
            cursor.execute("SELECT set_config('marginalia.tenant', %s, true)", [str(tenant)])
            cursor.execute(
                "UPDATE annotator_annotation SET state = state WHERE document_id IN "
                "(SELECT document_id FROM annotator_facet WHERE facet = 'differs')"
            )
        cursor.execute("SELECT set_config('marginalia.tenant', '', true)")


def unlevel(apps, schema_editor):
    rewrite(schema_editor, AFTER, BEFORE)


class Migration(migrations.Migration):
    dependencies = [("annotator", "0010_handed_to")]
    operations = [
        migrations.AddField(
            model_name="annotation",
            name="decisions",
            field=models.JSONField(null=True, help_text="Verdicts on suggested items, while it is a draft."),
        ),
        # Projects that are there go on as they did; new ones reject, which is what a complete answer means.
        migrations.AddField(
            model_name="project", name="pending_suggestions", field=models.CharField(default="leave", **PENDING)
        ),
        migrations.AlterField(
            model_name="project", name="pending_suggestions", field=models.CharField(default="reject", **PENDING)
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(pending_suggestions__in=["leave", "reject", "ask"]), name="known_pending_suggestions"
            ),
        ),
        migrations.RunSQL(SAID, NOT_SAID),
        migrations.RunPython(level, unlevel),
    ]
