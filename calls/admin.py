"""Calls in Django's admin: to read, never to change. What a call is follows from its legs and its journal."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, ChangeList
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User

from . import call_export, call_page, office, overview, overview_charts, personal_data
from .admin_filters import FILTERS, State
from .admin_paging import CappedPaginator
from .models import Call, Guest, JournalEntry, Leg


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
    fields = ("when", "rev", "whose", "event", "before", "after", "by", "actor", "client")
    readonly_fields = fields

    @admin.display(description=_("at"))
    def when(self, entry: JournalEntry) -> str:
        return date_format(timezone.localtime(entry.at), "j M Y H:i:s")

    @admin.display(description=_("leg"))
    def whose(self, entry: JournalEntry) -> str:
        return f"{entry.leg.get_role_display()} {call_export.name_of(entry.leg)}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[JournalEntry]:
        return super().get_queryset(request).select_related("leg__user", "leg__guest", "actor")


@admin.register(Call)
class CallAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("placed_at", "caller", "callee", "kind", "result", "length", "quality", "route")
    list_filter = (State, "end_reason", "kind", *FILTERS)
    search_fields = ("legs__user__name",)  # what is searched, `get_search_results` says
    search_help_text = _("Name or handle of either side")
    date_hierarchy = "placed_at"
    list_per_page = 50
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they count every choice of every filter
    change_list_template = "admin/calls/call_list.html"
    change_form_template = "admin/calls/call.html"

    class Media:
        css = {"all": ("css/admin.css",)}

    fields = (
        ("kind", "state", "end_reason", "ended_by", "quality", "route"),
        ("placed_at", "answered_at", "ended_at", "length"),
        ("id", "rev"),
    )
    readonly_fields = tuple(name for row in fields for name in row)
    inlines = (LegInline, JournalInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        return super().get_queryset(request).prefetch_related("legs__user", "legs__guest")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Call], search_term: str
    ) -> tuple[QuerySet[Call], bool]:
        """The calls of whoever has this name or handle: first the few people, then their calls by index."""
        if term := search_term.strip().removeprefix("@"):
            users = User.objects.filter(Q(name__icontains=term) | Q(handle__icontains=term)).values("pk")
            guests = Guest.objects.filter(name__icontains=term).values("pk")
            theirs = Leg.objects.filter(Q(user__in=users) | Q(guest__in=guests)).values("call")
            queryset = queryset.filter(pk__in=theirs)
        return queryset, False

    def get_urls(self) -> list[URLPattern]:
        def own(route: str, view: Any, name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(view), name=f"calls_call_{name}")

        return [
            own("export.<str:form>", self.export, "export"),
            own("overview/", self.overview, "overview"),
            own("now/", self.now, "now"),
            own("<uuid:call_id>/end/", self.end, "end"),
            own("people/<uuid:person_id>/everything.json", self.everything, "everything"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "title": _("Call log")})

    def export(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """What the list shows under the same filters, all pages of it, as a file. Who took it is logged."""
        self._may(request, self.has_view_permission(request))
        if form not in call_export.FORMS:
            raise Http404
        try:
            shown: ChangeList = self.get_changelist_instance(request)
        except IncorrectLookupParameters:  # what Django's list does with filters that cannot be
            return redirect(f"{reverse('admin:calls_call_changelist')}?{ERROR_FLAG}=1")
        calls = shown.get_queryset(request).order_by("-placed_at")
        self._note(request, None, _("Exported as %(form)s: %(filters)s") % {"form": form, "filters": _said(request)})
        return call_export.response(calls, form)

    def overview(self, request: HttpRequest) -> HttpResponse:
        """Numbers and charts of the last 24 hours or days."""
        self._may(request, self.has_view_permission(request))
        asked = request.GET.get("days", "")
        days = int(asked) if asked.isdigit() and int(asked) in overview.PERIODS else 7
        shown = overview.of(days)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Overview"),
            "overview": shown,
            "periods": overview.PERIODS,
            "charts": overview_charts.of(shown),
        }
        return TemplateResponse(request, "admin/calls/overview.html", context)

    def now(self, request: HttpRequest) -> HttpResponse:
        """What goes on at this moment; the page asks again every few seconds."""
        self._may(request, self.has_view_permission(request))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Now"),
            "calls": office.live_calls(),
            "people": office.on_line(),
            "may_end": _may_end(request),
            "may_change_people": request.user.has_perm("accounts.change_user"),
        }
        return TemplateResponse(request, "admin/calls/now.html", context)

    def end(self, request: HttpRequest, call_id: UUID) -> HttpResponse:
        """Ask, then end a live call."""
        self._may(request, _may_end(request))
        call = Call.objects.filter(pk=call_id).prefetch_related("legs__user", "legs__guest").first()
        if call is None:
            raise Http404
        if request.method == "POST":
            assert isinstance(request.user, User)  # `admin_view` lets nobody else in
            if office.end_call(call_id, request.user):
                self._note(request, call, _("Ended it"))
                messages.success(request, gettext("The call is ended. Its people were told that an admin did."))
            else:
                messages.info(request, gettext("The call had ended already."))
            return redirect("admin:calls_call_now")
        context = {
            **self.admin_site.each_context(request),
            "title": _("End this call?"),
            "question": _("%(caller)s and %(callee)s are told that an admin ended it.")
            % {"caller": self.caller(call), "callee": self.callee(call)},
            "yes": _("End the call"),
            "back": reverse("admin:calls_call_now"),
        }
        return TemplateResponse(request, "admin/confirm.html", context)

    def everything(self, request: HttpRequest, person_id: UUID) -> HttpResponse:
        """All that is held on a person, as a file, for a person who asks for it. Who took it is logged."""
        self._may(request, self.has_view_permission(request) and request.user.has_perm("accounts.view_user"))
        person = get_object_or_404(User, pk=person_id)
        self.log_change(request, person, gettext("Exported what is held on them"))
        response = JsonResponse(personal_data.held_on(person), json_dumps_params={"indent": 1})
        response["Content-Disposition"] = 'attachment; filename="earshot-everything.json"'
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        call = self.get_object(request, object_id)
        extra = call_page.context(call) if call is not None and self.has_view_permission(request) else {}
        if call is not None and _may_end(request) and call.ended_at is None:
            extra["end_url"] = reverse("admin:calls_call_end", args=[call.pk])
        response = super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})
        if response.status_code == 200 and call is not None:
            self._note(request, call, _("Looked at"))
        return response

    def _may(self, request: HttpRequest, allowed: bool) -> None:
        if not allowed:
            raise PermissionDenied

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

    @admin.display(description=_("result"))
    def result(self, call: Call) -> str:
        """How it ended or, of a live one, how it stands."""
        return call.get_end_reason_display() or call.get_state_display()

    @admin.display(description=_("length"), ordering="talked_seconds")
    def length(self, call: Call) -> str:
        """From the answer to the end."""
        return call_page.as_clock(call.talked_seconds)


def _may_end(request: HttpRequest) -> bool:
    """The right to change calls lets one end them: nothing else of a call can be changed."""
    return bool(request.user.has_perm("calls.change_call"))


def _people(call: Call, role: str) -> str:
    return ", ".join(call_export.name_of(leg) for leg in call.legs.all() if leg.role == role)


def _said(request: HttpRequest) -> str:
    """The filters as one reads them, so that who erases a person finds the name in them."""
    return ", ".join(f"{name}={value}" for name, values in request.GET.lists() for value in values) or "–"
