"""Every address of pages and API; streams, WebSockets and MCP are routed in `museo.asgi`."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path, re_path
from django.views.i18n import set_language
from django.views.static import serve

import catalog.urls
import mcp_bridge.urls
import museo.oauth.urls
import notifications.urls
import orders.urls
from mcp_bridge.assistant import figures_page
from mcp_bridge.assistant import pages as assistant
from museo import reference
from museo.access import problems
from museo.access.sent_forms import form_of
from museo.addresses import ByFirstWord
from museo.ops import health, health_page, metrics
from orders import first_run, signing_in

admin.autodiscover()

handler500 = "museo.access.overload.server_error"
urlpatterns = [
    # what is asked most stands first: addresses are tried in turn
    ByFirstWord(
        "api/v1/",
        [
            *orders.urls.api,
            *catalog.urls.api,
            *notifications.urls.api,
            *mcp_bridge.urls.api,
        ],
    ),
    path("admin/", first_run.admin_home),
    path("admin/login/", signing_in.in_the_admin),
    path("admin/first-run", first_run.first_run, name="first_run"),
    path("admin/first-run/<int:step>", first_run.one_step, name="first_run_step"),
    path("admin/assistant", assistant.ask_as_staff, name="admin_assistant"),
    path("admin/assistant/figures", figures_page.page, name="assistant_figures"),
    *orders.urls.staff,
    path("admin/health", health_page.page, name="health"),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("health", health.health),
    path("metrics", metrics.metrics),
    path("openapi.json", reference.openapi),
    path("asyncapi.json", reference.asyncapi),
    path("docs", reference.docs, name="docs"),
    path("login", signing_in.SignIn.as_view(), name="login"),
    path("logout", form_of("account")(LogoutView.as_view()), name="logout"),
    path("language", set_language, name="set_language"),
    path("", include(museo.oauth.urls.urlpatterns)),
    re_path(r"^api/", problems.not_found),
    re_path(r"^media/(?P<path>.+)$", serve, {"document_root": settings.MEDIA_ROOT}),
    path(
        "",
        include(
            [
                *catalog.urls.pages,
                *orders.urls.pages,
                *notifications.urls.pages,
                *mcp_bridge.urls.pages,
            ]
        ),
    ),
]
