from django.db import migrations

BATCH = 1000


def fill(apps, schema_editor):
    """Calls from before have no `talked_seconds`."""
    Call = apps.get_model("calls", "Call")
    talked = Call.objects.filter(answered_at__isnull=False, ended_at__isnull=False, talked_seconds=None)
    while batch := list(talked[:BATCH]):
        for call in batch:
            call.talked_seconds = round((call.ended_at - call.answered_at).total_seconds())
        Call.objects.bulk_update(batch, ["talked_seconds"])


class Migration(migrations.Migration):
    dependencies = [("calls", "0004_quality_and_retention")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
