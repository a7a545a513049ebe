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


class SortName(_Text):
    """A folded name; compared by its letters' numbers, on each database alike."""

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        collation = "C" if connection.vendor == "postgresql" else None
        return {**super().db_parameters(connection), "collation": collation}


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
    # one that can be bought of it: where there is some of that, nothing else of it is looked at;
    # not a foreign key, which would be looked after at every write. None if nothing can be bought
    one_variant = models.BigIntegerField(null=True)

    class Meta:
        verbose_name_plural = "search entries"
        indexes = [
            models.Index(fields=["-published_at", "-master"], name="searchentry_newest"),
            models.Index(fields=["price", "master"], name="searchentry_price"),
            models.Index(fields=["brand"], condition=~models.Q(brand=""), name="searchentry_brand"),
            models.Index(
                fields=["category_path", "-published_at", "-master"],
                name="searchentry_newest_in_category",
            ),
            models.Index(
                fields=["category_path", "price", "master"], name="searchentry_price_in_category"
            ),
            models.Index(
                fields=["price_until"],
                condition=models.Q(price_until__isnull=False),
                name="searchentry_price_until",
            ),
        ]

    def __str__(self) -> str:
        return f"search entry of {self.master_id}"


class SearchName(models.Model):
    """What a product on sale is called by whoever reads a language: lists by name are read of it.

    There is one for each product and language, whether it has a name of its own there or not. It is
    written with the product's entry.
    """

    pk = models.CompositePrimaryKey("master_id", "language")
    master = models.ForeignKey(
        "catalog.Master", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    language = models.CharField(max_length=10)
    name = SortName()
    # as its entry has it
    category_path = models.CharField(max_length=255)

    class Meta:
        indexes = [
            models.Index(fields=["language", "name", "master"], name="searchname_name"),
            models.Index(
                fields=["language", "category_path", "name", "master"],
                name="searchname_name_in_category",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SearchWord(models.Model):
    """A folded word of any product, to find words that hold another and those typed wrong.

    Words are added, never counted: writers do not wait for each other. `reindex` drops old ones.
    """

    word = models.CharField(max_length=40, unique=True)

    def __str__(self) -> str:
        return self.word
