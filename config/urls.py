from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import cache_page
from django.views.generic import RedirectView
from django.views.i18n import JavaScriptCatalog

from config.doctor import pages as doctor

admin.site.site_header = admin.site.site_title = _("Earshot administration")
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


class Icon(RedirectView):
    """Where browsers look for an icon on pages that name none: the admin's."""

    def get_redirect_url(self, *args: object, **kwargs: object) -> str:
        return static("icons/favicon.svg")


urlpatterns = [
    path("favicon.ico", Icon.as_view()),
    path("jsi18n/", cache_page(3600)(JavaScriptCatalog.as_view()), name="javascript-catalog"),
    path("admin/doctor/", admin.site.admin_view(doctor.page), name="doctor"),
    path("admin/doctor/relay/", admin.site.admin_view(doctor.relay), name="doctor_relay"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/second-step/", include("allauth.mfa.urls")),
    path("", include("accounts.urls")),
    path("", include("calls.urls")),
]
