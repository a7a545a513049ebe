"""Who calls, by which signs, and what they did. What a repeated call answered. The heartbeat."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.db.models import Exists, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from museo.access.access_tokens import Claims


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A person with a login; the e-mail address is the name, whatever its case."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(_("e-mail address"), unique=True)
    locale = models.CharField(_("language"), max_length=10, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = UserManager()  # type: ignore[assignment,misc]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="one_user_per_email",
                violation_error_message=_("Somebody else has this e-mail address."),
            )
        ]

    def __str__(self) -> str:
        return self.email


class ServiceAccountQuerySet(models.QuerySet["ServiceAccount"]):
    def live(self) -> Self:
        return self.filter(revoked_at=None)

    def opened_by(self, claims: Claims) -> Self:
        """The account that a token speaks for; none once that was revoked, in one query."""
        return self.opened_as(claims.account_id, claims.key_prefix, claims.jti)

    def opened_as(self, account: int, key_prefix: str, jti: str) -> Self:
        denied = DeniedToken.objects.filter(jti=jti)
        return self.live().filter(~Exists(denied), pk=account, key_prefix=key_prefix)


class ServiceAccount(models.Model):
    """A program that calls; it signs in with a key and a secret, of which only digests are kept."""

    name = models.CharField(_("name"), max_length=80)
    # the beginning of the key, to look it up by; other keys make another one
    key_prefix = models.CharField(_("key begins with"), max_length=16, unique=True)
    key_hash = models.CharField(max_length=64)
    secret_hash = models.CharField(max_length=64)
    scopes = models.JSONField(_("scopes"), default=list)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(_("created"))
    # when it was last given a token
    last_used_at = models.DateTimeField(_("last used"), null=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    objects = ServiceAccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("service account")
        verbose_name_plural = _("service accounts")
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(revoked_at=None),
                name="one_live_service_account_per_name",
            )
        ]

    def __str__(self) -> str:
        return self.name


class TokenFamily(models.Model):
    """The tokens that came of one sign-in of a service account, each made from the one before."""

    account = models.ForeignKey(ServiceAccount, on_delete=models.CASCADE, related_name="families")
    # of the key that was signed in with: once that is another, this is over
    key_prefix = models.CharField(max_length=16)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)


class RefreshToken(models.Model):
    """Good for the next tokens of its family, once; `jti` is the access token given beside it."""

    family = models.ForeignKey(TokenFamily, on_delete=models.CASCADE, related_name="tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    ends_at = models.DateTimeField(db_index=True)
    spent_at = models.DateTimeField(null=True)
    jti = models.CharField(max_length=32, unique=True)
    access_ends_at = models.DateTimeField()


class DeniedToken(models.Model):
    """An access token that was revoked; kept until it would have ended by itself."""

    jti = models.CharField(max_length=32, primary_key=True)
    ends_at = models.DateTimeField(db_index=True)


class Connection(models.Model):
    """What a person has let a client do for them: its tokens open no more, and end with it.

    Whoever gives a token to the client, or takes its tokens away, holds this row.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="connections"
    )
    client = models.ForeignKey(
        settings.OAUTH2_PROVIDER_APPLICATION_MODEL,
        on_delete=models.CASCADE,
        related_name="connections",
    )
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField()
    # when it was last given a token
    used_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "client"], name="one_connection_per_client")
        ]


class IdempotencyKey(models.Model):
    """One `Idempotency-Key` of one caller, and the answer once there is one."""

    class State(models.TextChoices):
        IN_FLIGHT = "in_flight"
        DONE = "done"

    scope = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State, default=State.IN_FLIGHT)
    lease_until = models.DateTimeField()
    # what the work was about, so that the next caller can take it up: a checkout's public id
    subject = models.CharField(max_length=40, blank=True)
    status_code = models.PositiveSmallIntegerField(null=True)
    # sealed, for it may hold a ticket
    answer = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "key"], name="one_row_per_idempotency_key")
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]


class Heartbeat(models.Model):
    """When a part of the shop last finished its round."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()


class Trail(models.Model):
    """Who did what to what, and which fields it changed; never the values."""

    # the caller: `user:42`; empty for the shop itself
    who = models.CharField(_("who"), max_length=80, blank=True)
    # the client id of the app that did it for them; empty for what they did themselves
    app = models.CharField(_("by which app"), max_length=255, blank=True, db_default="")
    # the public id of the conversation with the assistant in which they said it; empty for none
    conversation = models.CharField(
        _("in which conversation"), max_length=30, blank=True, db_default=""
    )
    what = models.CharField(_("what"), max_length=40)
    # a public id: `prd_…`
    target = models.CharField(_("to what"), max_length=80)
    fields = models.JSONField(_("fields"), default=list)
    # of an agent's call: `done`, `asked`, or the code of why not; empty for what was done
    outcome = models.CharField(_("outcome"), max_length=60, blank=True, db_default="")
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("trace")
        verbose_name_plural = _("trail")
        indexes = [models.Index(fields=["target", "-id"], name="trail_of_target")]


class SignInLinkQuerySet(models.QuerySet["SignInLink"]):
    def open(self, now: datetime) -> Self:
        return self.filter(used_at=None, ends_at__gt=now)


class SignInLink(models.Model):
    """Signs in whoever reads the mail of an address, once; only its digest is kept."""

    email = models.EmailField()
    token_hash = models.CharField(max_length=64, unique=True)
    ends_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    objects = SignInLinkQuerySet.as_manager()


class SecondFactor(models.Model):
    """What somebody shows besides their password: codes of an app that knows the same key."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factor"
    )
    # sealed; in base32, as apps take it
    key = models.TextField()
    on_since = models.DateTimeField()
    # of the last code that was taken, which half minute it belongs to: none before it counts again
    last_step = models.BigIntegerField()


class RecoveryCodeQuerySet(models.QuerySet["RecoveryCode"]):
    def unused(self) -> Self:
        return self.filter(used_at=None)


class RecoveryCode(models.Model):
    """Stands for a code of the app, once; only its digest is kept."""

    factor = models.ForeignKey(
        SecondFactor, on_delete=models.CASCADE, related_name="recovery_codes"
    )
    code_hash = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True)

    objects = RecoveryCodeQuerySet.as_manager()
