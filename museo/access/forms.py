"""Forms that take a password: wrong ones are few, for a network and for a name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm as AdminAuthenticationForm

from museo.access import limits
from museo.access.limits import Limit
from museo.access.models import User


@contextmanager
def _few_wrong(buckets: Mapping[str, Limit]) -> Iterator[None]:
    """Every try costs one of each; the right password gives it back."""
    try:
        with limits.few_wrong(buckets, now=timezone.now()):
            yield
    except limits.TooOften as refusal:
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
        with _few_wrong(self._limits()):
            return super().clean()

    def _limits(self) -> dict[str, Limit]:
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        return limits.of_passwords(address, self.data.get("username", ""))


class AdminSignInForm(SignInForm, AdminAuthenticationForm):
    """The same for Django's admin."""

    error_messages = AdminAuthenticationForm.error_messages


class OtherPasswordForm(PasswordChangeForm):
    """Another password, by the one there is."""

    def __init__(self, user: User, *args: Any, address: str, **options: Any) -> None:
        super().__init__(user, *args, **options)
        self._limits = limits.of_passwords(address, user.email)

    def clean_old_password(self) -> str:
        with _few_wrong(self._limits):
            return super().clean_old_password()
