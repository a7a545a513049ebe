"""What providers tell, payment links, money that is owed or came too late."""

import django.db.models.deletion
import orders.payments.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0008_notes_and_returns'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PaymentEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=20)),
                ('event_id', models.CharField(max_length=255)),
                ('type', models.CharField(max_length=80)),
                ('reference', models.CharField(blank=True, max_length=30)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='PaymentLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=orders.payments.models.link_id, max_length=30, unique=True)),
                ('token_hash', models.CharField(max_length=64, unique=True)),
                ('basket_key', models.TextField(blank=True)),
                ('state', models.CharField(choices=[('open', 'Open'), ('paid', 'Paid'), ('expired', 'Expired'), ('void', 'Void')], default='open', max_length=10)),
                ('amount', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('expires_at', models.DateTimeField()),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='payment',
            name='one_live_payment_per_checkout',
        ),
        migrations.RemoveIndex(
            model_name='refund',
            name='refund_to_settle',
        ),
        migrations.AddField(
            model_name='order',
            name='paid',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='order',
            name='paid_back',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='payment',
            name='look_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='payment',
            name='method',
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AddField(
            model_name='refund',
            name='ask_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='payment',
            name='state',
            field=models.CharField(choices=[('created', 'Created'), ('requires_action', 'Waits for the customer'), ('pending', 'On its way'), ('owed', 'Owed'), ('captured', 'Paid'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('surplus', 'Came too late and goes back')], default='created', max_length=16),
        ),
        migrations.AlterField(
            model_name='refund',
            name='adjustment',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='refund', to='orders.adjustment'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('state', 'requested')), fields=['ask_at'], name='refund_to_settle'),
        ),
        migrations.AddConstraint(
            model_name='paymentevent',
            constraint=models.UniqueConstraint(fields=('provider', 'event_id'), name='one_row_per_provider_event'),
        ),
        migrations.AddField(
            model_name='paymentlink',
            name='basket',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='payment_links', to='orders.basket'),
        ),
        migrations.AddField(
            model_name='paymentlink',
            name='order',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payment_links', to='orders.order'),
        ),
        migrations.AddField(
            model_name='payment',
            name='link',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='orders.paymentlink'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('look_at__isnull', False)), fields=['look_at'], name='payment_to_look_at'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('provider', 'demo'), ('state', 'pending')), fields=['created_at'], name='demo_money_on_its_way'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['created', 'requires_action', 'pending', 'captured'])), fields=('checkout',), name='one_live_payment_per_checkout'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'owed')), fields=('checkout',), name='one_debt_per_checkout'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'captured')), fields=('order',), name='one_capture_per_order'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['created', 'requires_action', 'pending', 'captured'])), fields=('link',), name='one_live_payment_per_link'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['captured', 'owed']), _negated=True), ('order__isnull', False), _connector='OR'), name='no_money_without_an_order'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'surplus'), _negated=True), ('order__isnull', True), _connector='OR'), name='surplus_belongs_to_no_order'),
        ),
        migrations.AddIndex(
            model_name='paymentlink',
            index=models.Index(fields=['state', 'expires_at'], name='link_expiry'),
        ),
        migrations.AddConstraint(
            model_name='paymentlink',
            constraint=models.CheckConstraint(condition=models.Q(('order__isnull', True), ('basket__isnull', True), _connector='XOR'), name='link_to_an_order_or_a_basket'),
        ),
        migrations.AddConstraint(
            model_name='paymentlink',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='link_not_negative'),
        ),
    ]
