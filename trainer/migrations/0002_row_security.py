"""The same locks for runs and versions, and the ledger's tie to the version that made a suggestion."""

from django.db import migrations

PROTECT = """
SELECT marginalia_protect('trainer_trainingrun');
SELECT marginalia_protect('trainer_modelversion');
SELECT marginalia_link('trainer_trainingrun', 'project_id', 'annotator_project');
SELECT marginalia_link('trainer_modelversion', 'project_id', 'annotator_project');
SELECT marginalia_link('trainer_modelversion', 'run_id', 'trainer_trainingrun');
ALTER TABLE trainer_modelversion ADD UNIQUE (tenant_id, project_id, number);
ALTER TABLE annotator_suggestion ADD CONSTRAINT suggestion_of_a_version
  FOREIGN KEY (tenant_id, project_id, version) REFERENCES trainer_modelversion (tenant_id, project_id, number);
"""

UNPROTECT = """
ALTER TABLE annotator_suggestion DROP CONSTRAINT suggestion_of_a_version;
ALTER TABLE trainer_modelversion DROP CONSTRAINT trainer_modelversion_tenant_id_project_id_number_key;
ALTER TABLE trainer_modelversion DROP CONSTRAINT trainer_modelversion_tenant_id_run_id_fkey;
ALTER TABLE trainer_modelversion DROP CONSTRAINT trainer_modelversion_tenant_id_project_id_fkey;
ALTER TABLE trainer_trainingrun DROP CONSTRAINT trainer_trainingrun_tenant_id_project_id_fkey;
ALTER TABLE trainer_modelversion DROP CONSTRAINT trainer_modelversion_tenant_id_id_key;
ALTER TABLE trainer_trainingrun DROP CONSTRAINT trainer_trainingrun_tenant_id_id_key;
DROP POLICY one_tenant ON trainer_modelversion;
DROP POLICY one_tenant ON trainer_trainingrun;
ALTER TABLE trainer_modelversion DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
ALTER TABLE trainer_trainingrun DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("trainer", "0001_initial"), ("annotator", "0002_row_security")]
    operations = [migrations.RunSQL(PROTECT, UNPROTECT)]
