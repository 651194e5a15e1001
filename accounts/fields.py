"""Form fields that more than one form has."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .models import HANDLE_LENGTH, NAME_LENGTH, valid_handle
from .plain_text import in_one_line

PASSWORD_HELP = _("At least 10 characters. Three or four words that nobody would put together do well.")


class LineField(forms.CharField):
    """One line of text that others see."""

    def to_python(self, value: Any) -> str:
        return in_one_line(super().to_python(value) or "")


class NameField(LineField):
    def __init__(self, **options: Any) -> None:
        options.setdefault("label", _("Name"))
        options.setdefault("help_text", _("As others see it when you call."))
        options.setdefault("max_length", NAME_LENGTH)
        options.setdefault("widget", forms.TextInput(attrs={"autocomplete": "name"}))
        options.setdefault("error_messages", {"required": _("Say what others should call you.")})
        super().__init__(**options)


class HandleField(forms.CharField):
    """Takes `@Ana.D` for `ana.d`."""

    default_validators = [valid_handle]

    def __init__(self, **options: Any) -> None:
        options.setdefault("label", _("Handle"))
        options.setdefault("max_length", HANDLE_LENGTH)
        options.setdefault("error_messages", {"required": _("Choose a handle.")})
        attributes = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        options.setdefault("widget", forms.TextInput(attrs=attributes))
        super().__init__(**options)

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").removeprefix("@").lower()


class NewPasswordField(forms.CharField):
    """A password to be. Whether it is good enough is for the form to say, which knows whose it is."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("label", _("Password"))
        options.setdefault("help_text", PASSWORD_HELP)
        options.setdefault("error_messages", {"required": _("Choose a password.")})
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
        super().__init__(strip=False, widget=widget, **options)
