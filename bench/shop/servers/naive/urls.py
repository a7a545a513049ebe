"""Products, basket and checkout: what is read is changed and written back."""

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import generics, serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from bench.shop.servers.naive.models import (
    Basket,
    BasketLine,
    Category,
    Image,
    Order,
    OrderLine,
    Product,
)

DELIVERY = Decimal("3.90")


class CategorySerializer(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ("slug", "room")


class ImageSerializer(serializers.ModelSerializer[Image]):
    class Meta:
        model = Image
        fields = ("url",)


class ProductSerializer(serializers.ModelSerializer[Product]):
    category = CategorySerializer()
    images = ImageSerializer(many=True)

    class Meta:
        model = Product
        fields = ("id", "slug", "sku", "name", "subtitle", "price", "stock", "category", "images")


class DetailSerializer(ProductSerializer):
    class Meta(ProductSerializer.Meta):
        fields = (*ProductSerializer.Meta.fields, "description")  # type: ignore[assignment]


class LineSerializer(serializers.ModelSerializer[BasketLine]):
    product = ProductSerializer()

    class Meta:
        model = BasketLine
        fields = ("id", "product", "quantity")


class BasketSerializer(serializers.ModelSerializer[Basket]):
    lines = LineSerializer(many=True)
    total = serializers.SerializerMethodField()

    class Meta:
        model = Basket
        fields = ("token", "lines", "total")

    def get_total(self, basket: Basket) -> str:
        return str(sum(line.product.price * line.quantity for line in basket.lines.all()))


class ProductList(generics.ListAPIView[Product]):
    queryset = Product.objects.order_by("-published_at")
    serializer_class = ProductSerializer


class ProductDetail(generics.RetrieveAPIView[Product]):
    queryset = Product.objects.all()
    serializer_class = DetailSerializer
    lookup_field = "slug"


@api_view(["POST"])
def add(request: Request) -> Response:
    token = request.headers.get("X-Basket-Token")
    basket = get_object_or_404(Basket, token=token) if token else Basket.objects.create()
    product = get_object_or_404(Product, sku=request.data["sku"])
    line, _ = BasketLine.objects.get_or_create(basket=basket, product=product)
    line.quantity += int(request.data["quantity"])
    if line.quantity > product.stock:
        return Response({"detail": "sold out"}, status=409)
    line.save()
    return Response(BasketSerializer(basket).data)


@api_view(["POST"])
@transaction.atomic
def checkout(request: Request) -> Response:
    basket = get_object_or_404(Basket, token=request.headers.get("X-Basket-Token"))
    lines = basket.lines.all()
    if any(line.product.stock < line.quantity for line in lines):
        return Response({"detail": "sold out"}, status=409)
    order = Order.objects.create(total=DELIVERY, **_details(request.data))
    for line in lines:
        product = line.product
        OrderLine.objects.create(
            order=order,
            product=product,
            name=product.name,
            quantity=line.quantity,
            price=product.price,
        )
        product.stock -= line.quantity
        product.save()
        order.total += product.price * line.quantity
    order.save()
    basket.delete()
    return Response({"number": str(order.number), "total": str(order.total)}, status=201)


def _details(body: Any) -> dict[str, Any]:
    return {name: body[name] for name in ("email", "name", "address")}


urlpatterns = [
    path("products/", ProductList.as_view()),
    path("products/<slug:slug>/", ProductDetail.as_view()),
    path("basket/", add),
    path("checkout/", checkout),
]
