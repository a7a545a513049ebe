"""Names in sentences and attributes of pages; where there can be an element, `<bdi>` does it."""

from django import template

from museo.directions import isolated

register = template.Library()
register.filter(isolated)
