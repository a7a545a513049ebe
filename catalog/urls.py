"""The addresses of this app: its pages and its part of /api/v1."""

from django.urls import URLPattern

pages: list[URLPattern] = []
api: list[URLPattern] = []
