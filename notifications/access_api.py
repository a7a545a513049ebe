"""The tokens of service accounts over REST: given for keys, renewed, given back."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.decorators import api_view, authentication_classes, throttle_classes
from rest_framework.request import Request

from museo.access import accounts, grants
from museo.access.admission import SignInAllowance
from museo.access.grants import Grant
from museo.access.renderers import Response
from museo.access.rest import read_body
from notifications import access_changes

# RFC 6749, section 5.1
NO_STORE = {"Cache-Control": "no-store"}


class Credentials(serializers.Serializer[Any]):
    api_key = serializers.CharField(max_length=200)
    api_secret = serializers.CharField(max_length=200, trim_whitespace=False)


class Refreshing(serializers.Serializer[Any]):
    refresh_token = serializers.CharField(max_length=200)


class Returned(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=4096)


@api_view(["POST"])
@authentication_classes([])
@throttle_classes([SignInAllowance])
def token(request: Request) -> Response:
    """Tokens for the key and the secret of a service account."""
    keys, now = read_body(Credentials, request), timezone.now()
    return _granted(grants.give(accounts.identify(**keys), now=now))


@api_view(["POST"])
@authentication_classes([])
@throttle_classes([SignInAllowance])
def refresh(request: Request) -> Response:
    """The next tokens for a refresh token, which is good for one use."""
    body = read_body(Refreshing, request)
    return _granted(access_changes.renew(body["refresh_token"], now=timezone.now()))


@api_view(["POST"])
@authentication_classes([])
def revoke(request: Request) -> Response:
    """End a token and all that came of the same sign-in (RFC 7009); an unknown one has ended."""
    access_changes.give_back(read_body(Returned, request)["token"], now=timezone.now())
    return Response({"revoked": True}, headers=NO_STORE)


def _granted(grant: Grant) -> Response:
    return Response(grant.as_json(), headers=NO_STORE)
