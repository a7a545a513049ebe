"""The addresses of this app: its pages and its part of /api/v1."""

from django.urls import URLPattern, path

from catalog import api as rest
from catalog import views
from catalog.imports import api as imports

pages: list[URLPattern] = [
    path("", views.shop, name="shop"),
    path("p/<str:slug>", views.product, name="product"),
]
api: list[URLPattern] = [
    path("catalog/products", rest.product_list),
    path("catalog/products/<str:key>", rest.product_detail),
    path("catalog/categories", rest.category_tree),
    path("search", rest.search),
    path("search/suggest", rest.suggest),
    path("admin/imports", imports.imports),
    path("admin/imports/<str:public_id>", imports.one_import),
    path("admin/imports/<str:public_id>/rows", imports.import_rows),
    path("admin/imports/<str:public_id>/refused", imports.refused_rows),
    path("admin/imports/<str:public_id>/check", imports.check_import),
    path("admin/imports/<str:public_id>/run", imports.run_import),
    path("admin/imports/<str:public_id>/cancel", imports.cancel_import),
    path("admin/imports/<str:public_id>/undo", imports.undo_import),
    path("admin/exports", imports.export),
]
