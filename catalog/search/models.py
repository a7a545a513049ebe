"""The search index: what each product on sale is found by, and every word of the shop."""

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    _Text = models.TextField[str, str]
else:
    _Text = models.TextField


class Tokens(_Text):
    """Tokens with a space between them: a tsvector on PostgreSQL, elsewhere text for FTS5."""

    def db_type(self, connection: Any) -> str:
        return "tsvector" if connection.vendor == "postgresql" else "text"


class SearchEntry(models.Model):
    """What a product on sale is found by; catalog/search/documents.py says how it is made.

    Only `index.refresh` writes it, in the transaction of what it follows.
    """

    master = models.OneToOneField(
        "catalog.Master", on_delete=models.CASCADE, primary_key=True, related_name="search_entry"
    )
    words = Tokens()
    # |language name |…|# SKU |…, folded, to tell a whole name from a part of one
    names = models.TextField()
    # the lowest, in the shop's currency; None where nothing can be bought
    price = models.BigIntegerField(null=True)
    # from then on `price` may be another one; None if none is planned
    price_until = models.DateTimeField(null=True)
    published_at = models.DateTimeField(null=True)
    category_path = models.CharField(max_length=255)
    brand = models.CharField(max_length=80)
    kind = models.CharField(max_length=10)
    # of the master, to see whether an edit was missed
    revision = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "search entries"
        indexes = [
            models.Index(fields=["-published_at", "-master"], name="searchentry_newest"),
            models.Index(fields=["price", "master"], name="searchentry_price"),
            models.Index(
                fields=["price_until"],
                condition=models.Q(price_until__isnull=False),
                name="searchentry_price_until",
            ),
        ]

    def __str__(self) -> str:
        return f"search entry of {self.master_id}"


class SearchWord(models.Model):
    """A folded word of any product, to find words that hold another and those typed wrong.

    Words are added, never counted: writers do not wait for each other. `reindex` drops old ones.
    """

    word = models.CharField(max_length=40, unique=True)

    def __str__(self) -> str:
        return self.word
