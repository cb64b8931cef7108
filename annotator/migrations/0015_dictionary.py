"""The dictionary: terms of a project, learned from the answers that are there; what it suggested has no version."""

from collections import Counter

import django.db.models.deletion
import django.db.models.manager
import orjson
from django.db import migrations, models

from annotator.dictionary.folding import Folded

PROTECT = """
SELECT marginalia_protect('annotator_term');
SELECT marginalia_link('annotator_term', 'project_id', 'annotator_project');
SELECT marginalia_link('annotator_term', 'label_id', 'annotator_label');
"""
UNPROTECT = """
ALTER TABLE annotator_term DROP CONSTRAINT annotator_term_tenant_id_label_id_fkey;
ALTER TABLE annotator_term DROP CONSTRAINT annotator_term_tenant_id_project_id_fkey;
ALTER TABLE annotator_term DROP CONSTRAINT annotator_term_tenant_id_id_key;
DROP POLICY one_tenant ON annotator_term;
ALTER TABLE annotator_term DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
"""

# An answer with the spans that it holds, and those that its annotator turned down by their last word, as today's labels.
ANSWERS = """
SELECT a.id, d.project_id, d.text, (a.answer->'spans')::text, coalesce((
    SELECT jsonb_agg(DISTINCT jsonb_build_object('start', i.item->'start', 'end', i.item->'end', 'label', coalesce((
        SELECT l.name FROM annotator_label l WHERE l.project_id = s.project_id AND l.kind = 'span'
          AND l.former @> jsonb_build_array(i.item->'label')
    ), i.item->>'label')))
    FROM annotator_suggestion s
    JOIN annotator_decision v ON v.suggestion_id = s.id AND v.user_id = a.annotator_id
    CROSS JOIN LATERAL jsonb_array_elements(s.items) i (item)
    WHERE s.document_id = d.id AND v.verdict IN ('reject', 'correct') AND i.item->>'id' = v.item
      AND i.item->>'kind' = 'span' AND NOT EXISTS (
        SELECT FROM annotator_decision later WHERE later.suggestion_id = v.suggestion_id AND later.item = v.item
          AND later.user_id = v.user_id AND later.id > v.id)
), '[]')::text
FROM annotator_annotation a JOIN annotator_document d ON d.id = a.document_id
WHERE a.state = 'submitted' AND d.split = 'pool' AND a.id > %s ORDER BY a.id LIMIT 500
"""
LEARN = """
INSERT INTO annotator_term (tenant_id, project_id, label_id, head, words, accepted, turned_down, listed)
SELECT %s, l.project_id, l.id, u.head, u.words, u.accepted, u.turned_down, false
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::int[], %s::int[])
     AS u (project, label, head, words, accepted, turned_down)
JOIN annotator_label l ON l.project_id = u.project AND l.kind = 'span' AND l.name = u.label
ON CONFLICT (label_id, words) DO NOTHING
"""


def learn(apps, schema_editor):
    """Tenant by tenant, because row-level security binds the owner, too."""
    with schema_editor.connection.cursor() as cursor:
        for tenant in list(apps.get_model("annotator", "Tenant").objects.values_list("pk", flat=True)):
            cursor.execute("SELECT set_config('marginalia.tenant', %s, true)", [str(tenant)])
            accepted, turned_down = taught(cursor)
            uses = sorted(accepted)
            columns = [list(column) for column in zip(*uses, strict=True)] or [[], [], [], []]
            counts = [[accepted[use] for use in uses], [turned_down[use] for use in uses]]
            cursor.execute(LEARN, [tenant, *columns, *counts])
        cursor.execute("SELECT set_config('marginalia.tenant', '', true)")


def taught(cursor):
    """How often each (project, label, first words, words) is accepted and turned down."""
    accepted, turned_down = Counter(), Counter()
    last = 0
    while True:
        cursor.execute(ANSWERS, [last])
        rows = cursor.fetchall()
        if not rows:
            return accepted, turned_down
        for last, project, text, *told in rows:
            given, rejected = map(orjson.loads, told)
            if given or rejected:
                folded = Folded(text)
                for spans, counted in ((given, accepted), (rejected, turned_down)):
                    found = ((span["label"], folded.term(span["start"], span["end"])) for span in spans)
                    counted.update((project, label, *term) for label, term in found if term)


class Migration(migrations.Migration):
    dependencies = [
        ("annotator", "0014_removal"),
    ]

    operations = [
        migrations.AlterField(
            model_name="suggestion",
            name="version",
            field=models.PositiveIntegerField(
                null=True, help_text="Number of the model version within the project; null: the dictionary's."
            ),
        ),
        migrations.CreateModel(
            name="Term",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("head", models.CharField(db_collation="C", max_length=80)),
                ("words", models.CharField(db_collation="C", max_length=200)),
                ("accepted", models.PositiveIntegerField(default=0)),
                ("turned_down", models.PositiveIntegerField(default=0)),
                ("listed", models.BooleanField(default=False)),
                *(
                    (
                        name,
                        models.ForeignKey(
                            db_constraint=False,
                            db_index=False,
                            on_delete=django.db.models.deletion.CASCADE,
                            to=f"annotator.{name}",
                        ),
                    )
                    for name in ("label", "project")
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="annotator.tenant",
                    ),
                ),
            ],
            options={"abstract": False, "base_manager_name": "guarded", "default_manager_name": "objects"},
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("guarded", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddIndex(
            model_name="term", index=models.Index(fields=["project", "head"], name="terms_by_first_words")
        ),
        migrations.AddConstraint(
            model_name="term", constraint=models.UniqueConstraint(fields=("label", "words"), name="term_once")
        ),
        migrations.RunPython(learn, migrations.RunPython.noop),
        migrations.RunSQL(PROTECT, UNPROTECT),
    ]
