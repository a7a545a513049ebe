"""Forms that take a password: wrong ones are few, for a network and for a name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm as AdminAuthenticationForm

from museo.access import limits, presence
from museo.access.models import User
from museo.access.problems import Problem


@contextmanager
def _told_by_the_form() -> Iterator[None]:
    try:
        yield
    except Problem as refusal:
        raise forms.ValidationError(refusal.detail, code=refusal.code) from refusal


class SignInForm(AuthenticationForm):
    """The password of a name."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _(
            "E-mail and password do not go together. "
            "Check both; capital letters matter in the password."
        ),
    }

    def clean(self) -> dict[str, Any]:
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        tries = limits.of_passwords(address, self.data.get("username", ""))
        with _told_by_the_form(), limits.few_wrong(tries, now=timezone.now()):
            return super().clean()


class AdminSignInForm(SignInForm, AdminAuthenticationForm):
    """The same for Django's admin."""

    error_messages = AdminAuthenticationForm.error_messages


class OtherPasswordForm(PasswordChangeForm):
    """Another password, by the one there is."""

    def __init__(self, request: HttpRequest, user: User, *args: Any) -> None:
        super().__init__(user, *args)
        self._request, self._user = request, user

    def clean_old_password(self) -> str:
        typed: str = self.cleaned_data["old_password"]
        with _told_by_the_form():
            presence.check_password(self._request, self._user, typed, now=timezone.now())
        return typed
