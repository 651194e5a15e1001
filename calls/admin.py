"""Calls in Django's admin: to read, never to change. What a call is follows from its legs and its journal."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.main import ChangeList
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from . import call_export
from .admin_filters import FILTERS
from .models import Call, JournalEntry, Leg


class ReadOnly:
    """Nobody adds, changes or deletes what has happened; retention removes it when its time has come."""

    def has_add_permission(self, *_: Any) -> bool:
        return False

    def has_change_permission(self, *_: Any) -> bool:
        return False

    def has_delete_permission(self, *_: Any) -> bool:
        return False


class LegInline(ReadOnly, admin.TabularInline):
    model = Leg
    extra = 0
    fields = ("role", "person", "state", "alerted_at", "joined_at", "ended_at", "epoch", "failure", "hidden")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Leg]:
        return super().get_queryset(request).select_related("user", "guest__link").order_by("-role")

    @admin.display(description=_("person"))
    def person(self, leg: Leg) -> str:
        return call_export.name_of(leg)


class JournalInline(ReadOnly, admin.TabularInline):
    model = JournalEntry
    extra = 0
    fields = ("at", "rev", "whose", "event", "before", "after", "by", "actor")
    readonly_fields = fields

    @admin.display(description=_("leg"))
    def whose(self, entry: JournalEntry) -> str:
        return f"{entry.leg.get_role_display()} {call_export.name_of(entry.leg)}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[JournalEntry]:
        return super().get_queryset(request).select_related("leg__user", "leg__guest", "actor")


@admin.register(Call)
class CallAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("placed_at", "caller", "callee", "kind", "state", "end_reason", "length")
    list_filter = ("state", "end_reason", "kind", *FILTERS)
    search_fields = ("legs__user__name", "legs__user__handle", "legs__guest__name")
    search_help_text = _("Name or handle of either side")
    date_hierarchy = "placed_at"
    list_per_page = 50
    show_full_result_count = False
    change_list_template = "admin/calls/call_list.html"

    class Media:
        css = {"all": ("css/admin.css",)}

    fields = ("id", "kind", "state", "end_reason", "placed_at", "answered_at", "ended_at", "length", "rev")
    readonly_fields = fields
    inlines = (LegInline, JournalInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        return super().get_queryset(request).prefetch_related("legs__user", "legs__guest")

    def get_urls(self) -> list[URLPattern]:
        export = path("export.<str:form>", self.admin_site.admin_view(self.export), name="calls_call_export")
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """What the list shows under the same filters, all pages of it, as a file. Who took it is logged."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        shown: ChangeList = self.get_changelist_instance(request)
        calls = shown.get_queryset(request).order_by("-placed_at")
        self._note(request, None, _("Exported as %(form)s: %(filters)s") % {"form": form, "filters": _said(request)})
        return call_export.response(calls, form)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().change_view(request, object_id, *args, **kwargs)
        if response.status_code == 200 and (call := self.get_object(request, object_id)) is not None:
            self._note(request, call, _("Looked at"))
        return response

    def _note(self, request: HttpRequest, call: Call | None, text: Any) -> None:
        """The call log tells who called whom: looking is an act, and stands in the admin's own log."""
        LogEntry.objects.create(
            user=request.user,  # type: ignore[misc]  # the admin lets nobody else in
            content_type=ContentType.objects.get_for_model(Call),
            object_id=str(call.pk) if call else None,
            object_repr=str(call or _("Call log"))[:200],
            action_flag=CHANGE,
            change_message=str(text),
        )

    @admin.display(description=_("caller"))
    def caller(self, call: Call) -> str:
        return _people(call, "caller")

    @admin.display(description=_("called"))
    def callee(self, call: Call) -> str:
        return _people(call, "callee")

    @admin.display(description=_("length"))
    def length(self, call: Call) -> str:
        """Minutes and seconds from the answer to the end."""
        seconds = call_export.seconds_of(call)
        return "–" if seconds is None else "{}:{:02}".format(*divmod(seconds, 60))


def _people(call: Call, role: str) -> str:
    return ", ".join(call_export.name_of(leg) for leg in call.legs.all() if leg.role == role)


def _said(request: HttpRequest) -> str:
    return request.GET.urlencode() or "–"
