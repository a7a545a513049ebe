from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "museo.access"
    label = "access"
    verbose_name = "Access"
