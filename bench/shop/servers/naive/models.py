"""Products with a number that says how many are left, baskets, orders."""

from uuid import uuid4

from django.db import models


class Category(models.Model):
    slug = models.SlugField(unique=True)
    room = models.CharField(max_length=10)


class Product(models.Model):
    slug = models.SlugField(max_length=120, unique=True)
    sku = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=160)
    subtitle = models.CharField(max_length=200)
    description = models.TextField()
    category = models.ForeignKey(Category, on_delete=models.PROTECT)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    stock = models.IntegerField()
    published_at = models.DateTimeField(db_index=True)


class Image(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="images")
    url = models.CharField(max_length=200)


class Basket(models.Model):
    token = models.CharField(max_length=64, unique=True, default=uuid4)
    created_at = models.DateTimeField(auto_now_add=True)


class BasketLine(models.Model):
    basket = models.ForeignKey(Basket, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    quantity = models.IntegerField(default=0)

    class Meta:
        unique_together = [("basket", "product")]


class Order(models.Model):
    number = models.CharField(max_length=40, unique=True, default=uuid4)
    email = models.EmailField()
    name = models.CharField(max_length=120)
    address = models.JSONField()
    status = models.CharField(max_length=20, default="placed")
    total = models.DecimalField(max_digits=12, decimal_places=2)
    placed_at = models.DateTimeField(auto_now_add=True)


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    name = models.CharField(max_length=160)
    quantity = models.IntegerField()
    price = models.DecimalField(max_digits=10, decimal_places=2)
