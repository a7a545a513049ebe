"""Signing in with a password: wrong ones are few, for a network and for a name."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm as AdminAuthenticationForm

from museo.access import limits
from museo.access.limits import Limit


class SignInForm(AuthenticationForm):
    """Every try costs one of the network's and of the name's; the right password gives it back."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _(
            "E-mail and password do not go together. "
            "Check both; capital letters matter in the password."
        ),
    }

    def clean(self) -> dict[str, Any]:
        try:
            with limits.few_wrong(self._limits(), now=timezone.now()):
                return super().clean()
        except limits.TooOften as refusal:
            raise forms.ValidationError(refusal.detail, code=refusal.code) from refusal

    def _limits(self) -> dict[str, Limit]:
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        return limits.of_passwords(address, self.data.get("username", ""))


class AdminSignInForm(SignInForm, AdminAuthenticationForm):
    """The same for Django's admin."""

    error_messages = AdminAuthenticationForm.error_messages
