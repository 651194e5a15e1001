"""What the admin's call log is filtered by, beside the plain columns."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from accounts.models import User

from . import clock, diagnosis
from .core.vocabulary import CallState, Quality, Route
from .models import Call, Leg, Link


class WithGuest(admin.SimpleListFilter):
    title = _("guest")
    parameter_name = "guest"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("With a guest")), ("no", _("Without"))]

    def queryset(self, request: HttpRequest, calls: QuerySet[Call]) -> QuerySet[Call]:
        guests = Exists(Leg.objects.filter(call=OuterRef("pk"), guest__isnull=False))
        match self.value():
            case "yes":
                return calls.filter(guests)
            case "no":
                return calls.exclude(guests)
            case _:
                return calls


class Length(admin.SimpleListFilter):
    """From the answer to the end."""

    title = _("length")
    parameter_name = "length"
    # In seconds, the last not included.
    STEPS = {"short": (0, 60), "medium": (60, 600), "long": (600, 3600), "very_long": (3600, None)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("none", _("Not answered")),
            ("short", _("Under a minute")),
            ("medium", _("1 to 10 minutes")),
            ("long", _("10 to 60 minutes")),
            ("very_long", _("An hour or more")),
        ]

    def queryset(self, request: HttpRequest, calls: QuerySet[Call]) -> QuerySet[Call]:
        if self.value() == "none":
            return calls.filter(answered_at=None)
        if (step := self.value()) not in self.STEPS:
            return calls
        least, most = self.STEPS[str(step)]
        calls = calls.filter(talked_seconds__gte=least)
        return calls if most is None else calls.filter(talked_seconds__lt=most)


class State(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(state.value, state.value) for state in CallState]

    def queryset(self, request: HttpRequest, calls: QuerySet[Call]) -> QuerySet[Call]:
        match self.value():
            case CallState.ENDED.value:
                return calls.filter(state=CallState.ENDED)
            case CallState.RINGING.value | CallState.ACTIVE.value:
                # Said so that the small index of live calls serves.
                return calls.exclude(state=CallState.ENDED).filter(state=self.value())
            case _:
                return calls


class ByQuality(admin.SimpleListFilter):
    """Of the worse side."""

    title = _("quality")
    parameter_name = "quality"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        words = [(Quality.GOOD, _("Good")), (Quality.FAIR, _("Fair")), (Quality.POOR, _("Poor"))]
        return [*((word.value, text) for word, text in words), ("none", _("Not measured"))]

    def queryset(self, request: HttpRequest, calls: QuerySet[Call]) -> QuerySet[Call]:
        if self.value() == "none":
            return calls.filter(quality="")
        return calls.filter(quality=self.value()) if self.value() in set(Quality) else calls


class ByRoute(admin.SimpleListFilter):
    title = _("route")
    parameter_name = "route"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(Route.DIRECT.value, _("Direct")), (Route.RELAY.value, _("Through the relay"))]

    def queryset(self, request: HttpRequest, calls: QuerySet[Call]) -> QuerySet[Call]:
        return calls.filter(route=self.value()) if self.value() in set(Route) else calls


class FailedAt(admin.SimpleListFilter):
    title = _("failed at")
    parameter_name = "failed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(stage.value, text) for stage, text in diagnosis.labels().items()]

    def queryset(self, request: HttpRequest, calls: QuerySet[Call]) -> QuerySet[Call]:
        if not self.value():
            return calls
        return calls.filter(pk__in=Leg.objects.filter(failure=self.value()).exclude(failure="").values("call"))


class _Field(admin.SimpleListFilter):
    """A filter that one types: the template draws a field instead of choices."""

    template = "admin/calls/filter_field.html"
    kind = "text"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("", "")]

    def choices(self, changelist: Any) -> Any:
        """One "choice": what the field needs to be drawn and to keep the other filters."""
        others = [(name, value) for name, value in changelist.params.items() if name != self.parameter_name]
        flat = [(name, each) for name, value in others for each in (value if isinstance(value, list) else [value])]
        yield {"others": flat, "value": self.value() or "", "kind": self.kind}


class Since(_Field):
    title = _("from (date)")
    parameter_name = "since"
    kind = "date"

    def queryset(self, request: HttpRequest, calls: QuerySet[Call]) -> QuerySet[Call]:
        day = _midnight(self.value())
        return calls.filter(placed_at__gte=day) if day else calls


class Until(_Field):
    title = _("to (date)")
    parameter_name = "until"
    kind = "date"

    def queryset(self, request: HttpRequest, calls: QuerySet[Call]) -> QuerySet[Call]:
        day = _midnight(self.value())
        return calls.filter(placed_at__lt=day + timedelta(days=1)) if day else calls


class Person(_Field):
    title = _("person (handle)")
    parameter_name = "person"

    def queryset(self, request: HttpRequest, calls: QuerySet[Call]) -> QuerySet[Call]:
        if not self.value():
            return calls
        user = User.objects.filter(handle=str(self.value()).strip().removeprefix("@").lower()).first()
        return calls.filter(pk__in=Leg.objects.filter(user=user).values("call")) if user else calls.none()


class ByLink(_Field):
    title = _("link (title)")
    parameter_name = "link"

    def queryset(self, request: HttpRequest, calls: QuerySet[Call]) -> QuerySet[Call]:
        if not (title := self.value()):
            return calls
        links = Link.objects.filter(title__icontains=title)
        return calls.filter(pk__in=Leg.objects.filter(guest__link__in=links).values("call"))


def _midnight(text: str | None) -> datetime | None:
    try:
        day = parse_date(text or "")
    except ValueError:
        return None
    return clock.midnight(day) if day else None


FILTERS = (WithGuest, Length, ByQuality, ByRoute, FailedAt, Since, Until, Person, ByLink)
