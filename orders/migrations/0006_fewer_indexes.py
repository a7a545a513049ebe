"""Fewer indexes: none that another one begins with, none that is for LIKE alone, none of NULLs.

A unique field has a second one on PostgreSQL, for LIKE; a constraint has none.
"""

import django.db.models.deletion
import museo.access.tokens
import orders.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0005_places_of_people'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='order',
            name='order_newest_of_user',
        ),
        migrations.AlterField(
            model_name='basket',
            name='coupon',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='orders.coupon'),
        ),
        migrations.AlterField(
            model_name='basket',
            name='public_id',
            field=models.CharField(default=orders.models.basket_id, max_length=30),
        ),
        migrations.AlterField(
            model_name='basket',
            name='token_hash',
            field=models.CharField(max_length=64, null=True),
        ),
        migrations.AlterField(
            model_name='checkout',
            name='coupon',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='orders.coupon'),
        ),
        migrations.AlterField(
            model_name='checkout',
            name='public_id',
            field=models.CharField(default=orders.models.checkout_id, max_length=30),
        ),
        migrations.AlterField(
            model_name='checkout',
            name='user',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='order',
            name='number',
            field=models.CharField(default=museo.access.tokens.order_number, max_length=20),
        ),
        migrations.AlterField(
            model_name='order',
            name='slot',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='orders.slot'),
        ),
        migrations.AlterField(
            model_name='order',
            name='user',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='orders', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='orderline',
            name='order',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='orders.order'),
        ),
        migrations.AlterField(
            model_name='orderstep',
            name='order',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='orders.order'),
        ),
        migrations.AlterField(
            model_name='orderticket',
            name='token_hash',
            field=models.CharField(max_length=64),
        ),
        migrations.AlterField(
            model_name='payment',
            name='link',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='orders.paymentlink'),
        ),
        migrations.AlterField(
            model_name='payment',
            name='public_id',
            field=models.CharField(default=orders.models.payment_id, max_length=30),
        ),
        migrations.AddIndex(
            model_name='basket',
            index=models.Index(condition=models.Q(('coupon__isnull', False)), fields=['coupon'], name='basket_with_coupon'),
        ),
        migrations.AddIndex(
            model_name='checkout',
            index=models.Index(condition=models.Q(('user__isnull', False)), fields=['user'], name='checkout_of_user'),
        ),
        migrations.AddIndex(
            model_name='checkout',
            index=models.Index(condition=models.Q(('coupon__isnull', False)), fields=['coupon'], name='checkout_with_coupon'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('user__isnull', False)), fields=['user', '-placed_at'], name='order_newest_of_user'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('slot__isnull', False)), fields=['slot'], name='order_in_slot'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('link__isnull', False)), fields=['link'], name='payment_by_link'),
        ),
        migrations.AddConstraint(
            model_name='basket',
            constraint=models.UniqueConstraint(fields=('public_id',), name='one_basket_per_id'),
        ),
        migrations.AddConstraint(
            model_name='basket',
            constraint=models.UniqueConstraint(fields=('token_hash',), name='one_basket_per_token'),
        ),
        migrations.AddConstraint(
            model_name='checkout',
            constraint=models.UniqueConstraint(fields=('public_id',), name='one_checkout_per_id'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.UniqueConstraint(fields=('number',), name='one_order_per_number'),
        ),
        migrations.AddConstraint(
            model_name='orderticket',
            constraint=models.UniqueConstraint(fields=('token_hash',), name='one_ticket_per_token'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(fields=('public_id',), name='one_payment_per_id'),
        ),
    ]
