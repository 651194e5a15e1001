"""What the admin's call log is filtered by, beside the plain columns."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from accounts.models import User

from . import clock
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
    STEPS = {
        "none": (None, None),
        "short": (timedelta(), timedelta(minutes=1)),
        "medium": (timedelta(minutes=1), timedelta(minutes=10)),
        "long": (timedelta(minutes=10), timedelta(hours=1)),
        "very_long": (timedelta(hours=1), timedelta(days=365)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("none", _("Not answered")),
            ("short", _("Under a minute")),
            ("medium", _("1 to 10 minutes")),
            ("long", _("10 to 60 minutes")),
            ("very_long", _("An hour or more")),
        ]

    def queryset(self, request: HttpRequest, calls: QuerySet[Call]) -> QuerySet[Call]:
        if (step := self.value()) not in self.STEPS:
            return calls
        least, most = self.STEPS[str(step)]
        if least is None:
            return calls.filter(answered_at=None)
        length = ExpressionWrapper(F("ended_at") - F("answered_at"), output_field=DurationField())
        return calls.alias(talked=length).filter(talked__gte=least, talked__lt=most)


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


FILTERS = (WithGuest, Length, Since, Until, Person, ByLink)
