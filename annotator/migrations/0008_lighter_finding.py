"""The tables of finding get many rows at a time: without what costs time at each and says nothing more.

That a row's tenant exists follows from its project, which is linked by both; and nothing points at these rows.
"""

import django.db.models.deletion
from django.db import migrations, models

NAMES = ("facet", "posting")
DROP = "\n".join(f"ALTER TABLE annotator_{n} DROP CONSTRAINT annotator_{n}_tenant_id_id_key;" for n in NAMES)
ADD = "\n".join(f"ALTER TABLE annotator_{n} ADD UNIQUE (tenant_id, id);" for n in NAMES)


def tenant():
    return models.ForeignKey(
        db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="annotator.tenant"
    )


class Migration(migrations.Migration):

    dependencies = [
        ("annotator", "0007_questions_renamed"),
    ]

    operations = [
        *(migrations.AlterField(model_name=name, name="tenant", field=tenant()) for name in NAMES),
        migrations.RunSQL(DROP, ADD),
    ]
