"""Nobody changes how stock came to be what it is."""

from django.db import migrations

from museo.statements import append_only


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]
    operations = [append_only("catalog_stockmovement", "stock movements")]
