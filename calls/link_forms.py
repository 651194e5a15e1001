"""What people fill in about a link."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.availability import zone_of
from accounts.fields import LineField
from accounts.forms import NO_ADDRESS

from . import clock
from .core.vocabulary import Kind
from .models import Link
from .models.link import TITLE_LENGTH, WEEKDAYS

MAX_GUESTS = 1000
PASSCODE_LENGTH = 64

LASTS: dict[str, timedelta | None] = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
    "always": None,
}
DAY_NAMES = [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]


class MailForm(forms.Form):
    to = forms.EmailField(
        label=_("Send it to"),
        error_messages={
            "required": _("Say to whom."),
            "invalid": NO_ADDRESS,
        },
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    note = forms.CharField(
        label=_("With a few words"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )


class LinkForm(forms.ModelForm):
    """`time_zone` is the browser's; moments and hours are meant in it."""

    title = LineField(
        label=_("What it is for"),
        required=False,
        max_length=TITLE_LENGTH,
        help_text=_("Guests see it. For example: Interview, or Office hours."),
    )
    kind = forms.ChoiceField(
        label=_("Calls"), choices=[(Kind.VIDEO, _("Video or voice")), (Kind.VOICE, _("Voice only"))], initial=Kind.VIDEO
    )
    lasts = forms.ChoiceField(
        label=_("Valid for"),
        choices=[
            ("day", _("A day")),
            ("week", _("A week")),
            ("month", _("30 days")),
            ("always", _("Until I revoke it")),
        ],
        initial="week",
    )
    valid_from = forms.DateTimeField(
        label=_("From"),
        required=False,
        help_text=_("Leave it empty to begin at once."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        error_messages={"invalid": _("This is no date and time.")},
    )
    single = forms.ChoiceField(
        label=_("Works"),
        choices=[("", _("For everybody who has it")), ("1", _("Once")), ("n", _("For so many guests:"))],
        required=False,
    )
    max_uses = forms.IntegerField(
        label=_("How many guests"),
        required=False,
        min_value=1,
        max_value=MAX_GUESTS,
        error_messages={
            "min_value": _("At least one."),
            "max_value": _("At most 1000. For more, let it work for everybody."),
            "invalid": _("This is no number."),
        },
    )
    passcode = forms.CharField(
        label=_("Passcode"),
        required=False,
        max_length=PASSCODE_LENGTH,
        help_text=_("Guests must know it. Tell it to them another way than the link."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    weekdays = forms.MultipleChoiceField(
        label=_("Days"),
        choices=list(zip(WEEKDAYS, DAY_NAMES, strict=True)),
        initial=list(WEEKDAYS),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one day.")},
    )
    opens_at = forms.TimeField(label=_("From"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    closes_at = forms.TimeField(label=_("Until"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    time_zone = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Link
        fields = ("title", "kind", "valid_from", "max_uses", "weekdays", "opens_at", "closes_at", "time_zone")

    def clean_weekdays(self) -> str:
        return "".join(sorted(self.cleaned_data["weekdays"]))

    def clean_time_zone(self) -> str:
        return str(zone_of(self.cleaned_data["time_zone"]))

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        match data.get("single"):
            case "1":
                data["max_uses"] = 1
            case "n" if data.get("max_uses") is None and "max_uses" not in self.errors:
                self.add_error("max_uses", _("Say how many guests it lets in."))
            case "n":
                pass
            case _:
                data["max_uses"] = None
        if (data.get("opens_at") is None) != (data.get("closes_at") is None):
            self.add_error("closes_at", _("Say both: from when and until when."))
        if data.get("valid_from") and "time_zone" in data:
            # What was typed, in the zone that this form names: the cookie of the page may name another, or none.
            naive = timezone.make_naive(data["valid_from"])
            data["valid_from"] = naive.replace(tzinfo=ZoneInfo(data["time_zone"]))
        return data

    def facts(self) -> dict[str, Any]:
        """What `links.make` takes."""
        data = dict(self.cleaned_data)
        del data["single"]
        span = LASTS[data.pop("lasts")]
        begins = data["valid_from"] or clock.now()
        return {**data, "valid_until": begins + span if span else None}
