"""What of the history to show."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from . import clock
from .history import Show, Wanted

NO_DATE = _("This is no date; one looks like 2026-11-23.")


class HistoryForm(forms.Form):
    """Days are the reader's."""

    q = forms.CharField(label=_("Search by name or handle"), required=False, max_length=80)
    show = forms.ChoiceField(
        label=_("Show"),
        required=False,
        choices=[
            (Show.ALL, _("All calls")),
            (Show.MISSED, _("Missed")),
            (Show.INCOMING, _("Incoming")),
            (Show.OUTGOING, _("Outgoing")),
            (Show.GUESTS, _("Guests")),
        ],
        widget=forms.Select(attrs={"aria-label": _("Show")}),
    )
    person = forms.CharField(required=False, max_length=30, widget=forms.HiddenInput)
    since = forms.DateField(
        label=_("From"),
        required=False,
        error_messages={"invalid": NO_DATE},
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    until = forms.DateField(
        label=_("To"),
        required=False,
        error_messages={"invalid": NO_DATE},
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("since") and data.get("until") and data["until"] < data["since"]:
            self.add_error("until", _("This is before the day it begins with."))
        return data

    def wanted(self) -> Wanted:
        """Of a form that is wrong, what is right in it."""
        data = self.cleaned_data
        return Wanted(
            show=Show(data.get("show") or ""),
            text=data.get("q") or "",
            person=data.get("person") or "",
            since=clock.midnight(data["since"]) if data.get("since") else None,
            until=clock.midnight(data["until"] + timedelta(days=1)) if data.get("until") else None,
        )
