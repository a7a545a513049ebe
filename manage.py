#!/usr/bin/env python
"""Museo's commands; `manage.py help` lists them."""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from museo import garbage

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "museo.settings")
    try:
        with garbage.not_among_what_is_loaded():
            django.setup()
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        sys.exit(f"museo: {problem}")
