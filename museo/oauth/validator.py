"""How django-oauth-toolkit decides and writes, where this shop is stricter than its defaults.

It is loaded by the first request of a client. Its writes are a library's: they have their own
transactions, never `log.change()`. What must be heard of them comes after, in its own.
"""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from oauth2_provider.cimd import CIMDError
from oauth2_provider.models import Grant, RefreshToken
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2.rfc6749 import errors

from museo.access import connections
from museo.access.tokens import digest
from museo.oauth import clients
from notifications import access_changes

CONSENT = "/oauth/authorize"


class UsedTwice(Exception):
    """A code or a refresh token was used before: it was copied, so all that came of it ends."""

    def __init__(self, family: UUID) -> None:
        super().__init__("used twice")
        self.family = family


class Validator(OAuth2Validator):
    """A code and a refresh token are good once; tokens are for one resource and one connection."""

    def validate_scopes(self, *_asked: Any, **_more: Any) -> bool:
        """What is unknown here or not the person's is left out of the question to them."""
        return True

    def _load_application(self, client_id: Any, request: Any) -> Any:
        """PostgreSQL cannot be asked for a NUL, which HTTP Basic may bring."""
        if client_id and "\0" in client_id:
            return None
        return super()._load_application(client_id, request)

    # codes and refresh tokens

    def save_authorization_code(
        self, client_id: str, code: Any, request: Any, *_more: Any, **_others: Any
    ) -> None:
        """Without what OpenID Connect would give back, at any length: there is none here."""
        request.nonce, request.claims = None, None
        super().save_authorization_code(client_id, code, request)

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Any, *_more: Any, **_others: Any
    ) -> bool:
        if super().validate_code(client_id, code, client, request):
            return True
        access_changes.end_tokens(_family(code), now=timezone.now())
        return False

    def validate_refresh_token(
        self, refresh_token: str, client: Any, request: Any, *_more: Any, **_others: Any
    ) -> bool:
        spent = RefreshToken.objects.filter(
            token_checksum=digest(refresh_token), revoked__isnull=False
        ).first()
        if spent is None:
            return bool(super().validate_refresh_token(refresh_token, client, request))
        access_changes.end_tokens(spent.token_family, now=timezone.now())
        return False

    def save_bearer_token(self, token: Any, request: Any, *_more: Any, **_others: Any) -> None:
        """Spend what is given for them, once: whoever else has it waits for the connection."""
        try:
            with transaction.atomic():
                if not connections.hold(
                    user=request.user, client=request.client, now=timezone.now()
                ):
                    raise errors.InvalidGrantError(request=request)
                self._spend(request)
                self._save_bearer_token(token, request)
        except UsedTwice as copied:
            access_changes.end_tokens(copied.family, now=timezone.now())
            raise errors.InvalidGrantError(request=request) from copied

    def invalidate_authorization_code(self, *_asked: Any, **_more: Any) -> None:
        """It is spent together with its tokens' making."""

    def _spend(self, request: Any) -> None:
        if request.grant_type == "authorization_code":
            code = Grant.objects.filter(code=request.code, application=request.client)
            if not code.exists():
                raise UsedTwice(_family(request.code))
            # its resource is read while it is there
            self._check_and_set_request_resource(request)
            code.delete()
        else:
            spent = request.refresh_token_instance
            same = RefreshToken.objects.filter(pk=spent.pk, revoked=None)
            if not same.update(updated=timezone.now()):
                raise UsedTwice(spent.token_family)

    def _create_refresh_token(
        self, request: Any, refresh_token_code: str, access_token: Any, previous: Any
    ) -> Any:
        """A family is known by the code that it came of, which is not kept."""
        made = super()._create_refresh_token(request, refresh_token_code, access_token, previous)
        if previous is None:
            made.token_family = _family(request.code)
            made.save(update_fields=["token_family"])
        return made

    def _check_and_set_request_resource(self, request: Any) -> None:
        """One resource, written with or without a slash at its end."""
        asked = getattr(request, "resource", None)
        if isinstance(asked, str):
            request.resource = asked.rstrip("/")
        super()._check_and_set_request_resource(request)
        if len(request.resource) != 1:
            raise errors.CustomOAuth2Error(
                error="invalid_target", description="Ask for one resource.", request=request
            )

    # giving back

    def revoke_token(
        self, token: str, token_type_hint: str, request: Any, *_more: Any, **_others: Any
    ) -> None:
        access_changes.give_back_of(request.client, token, now=timezone.now())


def _family(code: str) -> UUID:
    return UUID(bytes=hashlib.sha256(b"family " + code.encode()).digest()[:16])


class AtConsent:
    """A client's document is looked for when a person is about to be asked, and by nobody else."""

    def has_permission(self, request: Any, client_id: str) -> bool:
        return str(request.uri).partition("?")[0] == CONSENT


class Documents:
    """Fetches client metadata documents."""

    def fetch(self, client_id: str) -> tuple[dict[str, Any], int]:
        try:
            return clients.fetch(client_id)
        except clients.BadClient as refusal:
            raise CIMDError(refusal.detail) from refusal
