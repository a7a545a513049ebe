"""The addresses of this app: its pages and its part of /api/v1."""

from django.urls import URLPattern, path

from catalog import api as rest
from catalog import views

pages: list[URLPattern] = [
    path("", views.shop, name="shop"),
    path("p/<str:slug>", views.product, name="product"),
]
api: list[URLPattern] = [
    path("catalog/products", rest.product_list),
    path("catalog/products/<str:key>", rest.product_detail),
    path("catalog/categories", rest.category_tree),
    path("search", rest.search),
]
