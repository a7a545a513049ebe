"""`manage.py service_account`: programs that may call, made, given other keys, and shut out."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from museo.access import accounts, scopes
from museo.access.accounts import Keys
from museo.access.models import User
from museo.access.problems import Problem
from notifications import access_changes


class Command(BaseCommand):
    help = (
        "Makes service accounts, gives them other keys, and revokes them. Keys are shown once. "
        "Example: manage.py service_account create till-3 --scopes shop:read,orders:read"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        doing = parser.add_subparsers(dest="doing", required=True)
        create = doing.add_parser("create", help="a new account; prints its key and secret")
        create.add_argument("name")
        create.add_argument(
            "--scopes", required=True, help=f"with commas between: {', '.join(scopes.SCOPES)}"
        )
        create.add_argument("--created-by", default="", help="e-mail address of who answers for it")
        rotate = doing.add_parser(
            "rotate", help="other keys; the old ones, and tokens, end at once"
        )
        rotate.add_argument("name")
        revoke = doing.add_parser("revoke", help="no keys; its tokens and streams end at once")
        revoke.add_argument("name")

    def handle(self, *args: Any, **given: Any) -> None:
        try:
            getattr(self, f"_{given['doing']}")(given)
        except Problem as problem:
            raise CommandError(problem.detail) from problem

    def _create(self, given: dict[str, Any]) -> None:
        wanted = {word.strip() for word in given["scopes"].split(",") if word.strip()}
        self._show(
            accounts.create(
                name=given["name"],
                scopes=wanted,
                created_by=_user(given["created_by"]),
                now=timezone.now(),
            )
        )

    def _rotate(self, given: dict[str, Any]) -> None:
        self._show(access_changes.rotate(given["name"], now=timezone.now()))

    def _revoke(self, given: dict[str, Any]) -> None:
        access_changes.revoke_account(accounts.named(given["name"]), now=timezone.now())
        self.stdout.write(f"{given['name']} is revoked.")

    def _show(self, keys: Keys) -> None:
        self.stdout.write(f"MCP_API_KEY={keys.api_key}")
        self.stdout.write(f"MCP_API_SECRET={keys.api_secret}")
        self.stderr.write("Keep them now: they are not shown again.")


def _user(email: str) -> User | None:
    if not email:
        return None
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        raise CommandError(f"Nobody has the e-mail address {email}.")
    return user
