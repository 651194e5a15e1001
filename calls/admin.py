"""Calls in Django's admin: to read, never to change. What a call is follows from its legs and its journal."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

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
    fields = ("role", "user", "state", "alerted_at", "joined_at", "ended_at", "epoch", "failure", "hidden")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Leg]:
        return super().get_queryset(request).select_related("user").order_by("-role")


class JournalInline(ReadOnly, admin.TabularInline):
    model = JournalEntry
    extra = 0
    fields = ("at", "rev", "whose", "event", "before", "after", "by", "actor")
    readonly_fields = fields

    @admin.display(description=_("leg"))
    def whose(self, entry: JournalEntry) -> str:
        return f"{entry.leg.get_role_display()} {entry.leg.user or ''}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[JournalEntry]:
        return super().get_queryset(request).select_related("leg__user", "actor")


@admin.register(Call)
class CallAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("placed_at", "caller", "callee", "kind", "state", "end_reason", "length")
    list_filter = ("state", "end_reason", "kind")
    search_fields = ("legs__user__name", "legs__user__handle")
    search_help_text = _("Name or handle of either side")
    date_hierarchy = "placed_at"
    list_per_page = 50
    show_full_result_count = False
    fields = ("id", "kind", "state", "end_reason", "placed_at", "answered_at", "ended_at", "length", "rev")
    readonly_fields = fields
    inlines = (LegInline, JournalInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        return super().get_queryset(request).prefetch_related("legs__user")

    @admin.display(description=_("caller"))
    def caller(self, call: Call) -> str:
        return _people(call, "caller")

    @admin.display(description=_("called"))
    def callee(self, call: Call) -> str:
        return _people(call, "callee")

    @admin.display(description=_("length"))
    def length(self, call: Call) -> str:
        """Minutes and seconds from the answer to the end."""
        if call.answered_at is None or call.ended_at is None:
            return "–"
        minutes, seconds = divmod(round((call.ended_at - call.answered_at).total_seconds()), 60)
        return f"{minutes}:{seconds:02}"


def _people(call: Call, role: str) -> str:
    return ", ".join(str(leg.user or "–") for leg in call.legs.all() if leg.role == role)
