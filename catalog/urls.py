"""The addresses of this app: its pages and its part of /api/v1."""

from django.urls import URLPattern, path

from catalog import api as rest
from catalog import publishing, staff_api, views
from catalog.imports import api as imports

pages: list[URLPattern] = [
    path("", views.shop, name="shop"),
    path("manifest.webmanifest", publishing.manifest, name="manifest"),
    path("robots.txt", publishing.robots),
    path("sitemap.xml", publishing.sitemap, name="sitemap"),
    path("p/<str:slug>", views.product, name="product"),
    path("p/<str:slug>/questions", views.ask, name="product_ask"),
    path("p/<str:slug>/reviews", views.review, name="product_review"),
    path("p/<str:slug>/back", views.back, name="product_back"),
]
api: list[URLPattern] = [
    path("catalog/products", rest.product_list),
    path("catalog/products/<str:key>", rest.product_detail),
    path("catalog/products/<str:key>/questions", rest.product_questions),
    path("catalog/products/<str:key>/reviews", rest.product_reviews),
    path("catalog/categories", rest.category_tree),
    path("search", rest.search),
    path("search/suggest", rest.suggest),
    path("admin/products/masters", staff_api.master_list),
    path("admin/products/masters/<str:product_id>", staff_api.master_detail),
    path("admin/products/masters/<str:product_id>/restore", staff_api.master_restore),
    path("admin/stock", staff_api.stock_list),
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
