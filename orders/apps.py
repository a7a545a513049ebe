from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self) -> None:
        from notifications import topics
        from orders import tracking

        topics.register(tracking.PREFIX, may_read=tracking.may_read, snapshot=tracking.snapshot)
