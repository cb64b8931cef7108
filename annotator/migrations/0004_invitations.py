"""Invitations, behind the same locks as every table of a tenant."""

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotator', '0003_the_new_desk'),
    ]

    operations = [
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=150)),
                ('email', models.CharField(blank=True, max_length=254)),
                ('role', models.CharField(choices=[('annotator', 'annotator'), ('reviewer', 'reviewer'), ('manager', 'manager'), ('admin', 'admin')], max_length=16)),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('invited_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to='annotator.tenant')),
                ('used_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'guarded',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', '-created_at'], name='invitations_by_time')],
                'constraints': [models.CheckConstraint(condition=models.Q(('role__in', ['annotator', 'reviewer', 'manager', 'admin'])), name='known_invited_role'), models.CheckConstraint(condition=models.Q(models.Q(('used_at__isnull', True), ('used_by__isnull', True)), models.Q(('used_at__isnull', False), ('used_by__isnull', False)), _connector='OR'), name='used_by_somebody')],
            },
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('guarded', django.db.models.manager.Manager()),
            ],
        ),
        migrations.RunSQL(
            "SELECT marginalia_protect('annotator_invitation');",
            "DROP POLICY one_tenant ON annotator_invitation;"
            "ALTER TABLE annotator_invitation DROP CONSTRAINT annotator_invitation_tenant_id_id_key;"
            "ALTER TABLE annotator_invitation DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;",
        ),
    ]
