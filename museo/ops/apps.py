from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "museo.ops"
    label = "ops"
    verbose_name = "Operation"
