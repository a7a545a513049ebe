"""One address for each channel."""

from django.urls import path
from django_eventstream.views import events

urlpatterns = [path("sse/<channel>", events, {"format-channels": ["{channel}"]})]
