"""The admin's lists: an address that no database can answer leads to the list without it."""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.db import DataError, NotSupportedError, ProgrammingError
from django.http import HttpRequest
from unfold import admin
from unfold.views import ChangeList

# a number that is too long, a bound too many, a null character, a pattern that is none
UNANSWERABLE = (OverflowError, DataError, NotSupportedError, ProgrammingError)


class List(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """Django tries an address's filters when it makes the query, not when it is asked."""
        try:
            super().get_results(request)
            # some paginators ask for nothing yet
            len(self.result_list)
        except UNANSWERABLE as error:
            if not self.filter_params:
                raise
            raise IncorrectLookupParameters(error) from error


class ModelAdmin(admin.ModelAdmin):
    """What the admin of each model is."""

    def get_changelist(self, request: HttpRequest, **_options: Any) -> type[ChangeList]:
        return List
