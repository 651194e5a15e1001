"""The admin's page of the doctor, and the credentials with which the admin's own browser tries the relay."""

import msgspec
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from calls import turn

from . import examine

# Long enough for one try.
RELAY_SECONDS = 60


def page(request: HttpRequest) -> HttpResponse:
    """All checks, made for this request."""
    _only_for_superusers(request)
    context = {**admin.site.each_context(request), "title": _("Doctor"), "found": examine()}
    return render(request, "admin/doctor.html", context)


@require_POST
def relay(request: HttpRequest) -> HttpResponse:
    """`{"ice_servers": [...]}`: what callers get, for RELAY_SECONDS."""
    _only_for_superusers(request)
    servers = turn.ice_servers(str(request.user.pk), RELAY_SECONDS)
    return HttpResponse(msgspec.json.encode({"ice_servers": servers}), content_type="application/json")


def _only_for_superusers(request: HttpRequest) -> None:
    if not getattr(request.user, "is_superuser", False):
        raise PermissionDenied
