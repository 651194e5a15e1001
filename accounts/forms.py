"""Everything that people fill in about themselves. allauth's forms are here in our words."""

from typing import Any

from allauth.account import forms as allauth
from allauth.mfa.base import forms as mfa_base
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from . import addresses, handles
from .fields import PASSWORD_HELP, HandleField, NameField, NewPasswordField
from .models import User

NO_ADDRESS = _("This is no e-mail address; one looks like name@example.org.")


class InOurWords(forms.Form):
    """Labels stand above the fields, not inside them, and the first wrong field has the focus."""

    labels: dict[str, Any] = {}
    helps: dict[str, Any] = {}
    when_empty: dict[str, Any] = {
        "login": _("Say who you are: your e-mail address or your handle."),
        "email": _("Say your e-mail address."),
        "password": _("Type your password."),
        "oldpassword": _("Type your password."),
        "password1": _("Choose a password."),
        "password2": _("Type the new password once more."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.labels.get(name, field.label)
            field.help_text = self.helps.get(name, "")
            if name in self.when_empty:
                field.error_messages["required"] = self.when_empty[name]
            if name == "email":
                field.error_messages["invalid"] = NO_ADDRESS

    def full_clean(self) -> None:
        super().full_clean()
        for name in self.errors:
            if name in self.fields:
                self.fields[name].widget.attrs["autofocus"] = True
                break


class LoginForm(InOurWords, allauth.LoginForm):
    labels = {"login": _("E-mail address or handle"), "password": _("Password")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs |= {
            "autocomplete": "username",
            "autocapitalize": "none",
            "spellcheck": "false",
        }

    def clean_login(self) -> str:
        return super().clean_login().removeprefix("@")

    def clean(self) -> dict[str, Any]:
        """Says what is wrong at the password, where one looks."""
        try:
            super().clean()
        except ValidationError as error:
            self.add_error("password", error)
        return self.cleaned_data


class SignupForm(InOurWords, allauth.SignupForm):
    name = NameField()

    field_order = ["name", "username", "email", "password1"]
    labels = {"email": _("E-mail address"), "password1": _("Password")}
    helps = {
        "name": _("As others see it when you call."),
        "username": _("Others find you by it. Leave it empty to get one made from your name."),
        "email": _("For signing in and for resetting your password. Others do not see it."),
        "password1": PASSWORD_HELP,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"] = HandleField(required=False, help_text=self.helps["username"])
        self.order_fields(self.field_order)

    def clean_username(self) -> str:
        handle: str = self.cleaned_data["username"]
        return _free(handle) if handle else ""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not data.get("username") and "username" not in self.errors and data.get("name"):
            data["username"] = handles.suggest(data["name"], data.get("email", ""))
        return data


class ResetPasswordForm(InOurWords, allauth.ResetPasswordForm):
    labels = {"email": _("E-mail address")}


class ResetPasswordKeyForm(InOurWords, allauth.ResetPasswordKeyForm):
    labels = {"password1": _("New password"), "password2": _("New password, once more")}
    helps = {"password1": PASSWORD_HELP}

    def save(self) -> None:
        super().save()
        addresses.prove(self.user)


class SetPasswordForm(InOurWords, allauth.SetPasswordForm):
    labels = {"password1": _("New password"), "password2": _("New password, once more")}
    helps = {"password1": PASSWORD_HELP}


class ChangePasswordForm(InOurWords, allauth.ChangePasswordForm):
    labels = {
        "oldpassword": _("Your password now"),
        "password1": _("New password"),
        "password2": _("New password, once more"),
    }
    helps = {"password1": PASSWORD_HELP}


class ReauthenticateForm(InOurWords, allauth.ReauthenticateForm):
    labels = {"password": _("Password")}


class CodeField:
    """The code of the second step, as a phone's keyboard and password managers like it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]  # type: ignore[attr-defined]
        field.label = _("Code")
        field.widget.attrs = {"autocomplete": "one-time-code", "inputmode": "text", "spellcheck": "false"}


class SecondStepForm(CodeField, mfa_base.AuthenticateForm):
    pass


class ReauthenticateSecondStepForm(CodeField, mfa_base.ReauthenticateForm):
    pass


class TurnOnSecondStepForm(CodeField, ActivateTOTPForm):
    pass


class AddEmailForm(InOurWords, allauth.AddEmailForm):
    labels = {"email": _("New e-mail address")}
    helps = {"email": _("We send a link there. Until you follow it, the address stays as it is.")}


class ProfileForm(forms.ModelForm):
    name = NameField()
    handle = HandleField(help_text=_("Others find you by it, and you can sign in with it."))

    class Meta:
        model = User
        fields = ("name", "handle")

    def clean_handle(self) -> str:
        handle: str = self.cleaned_data["handle"]
        return handle if handle == self.instance.handle else _free(handle)


class SetupForm(forms.ModelForm):
    """The first admin."""

    name = NameField()
    handle = HandleField(help_text=_("Others find you by it, and you can sign in with it."))
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("For signing in and for resetting your password. Others do not see it."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"required": _("Say your e-mail address."), "invalid": NO_ADDRESS},
    )
    password = NewPasswordField()

    class Meta:
        model = User
        fields = ("name", "handle", "email")

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        return email.lower()

    def _post_clean(self) -> None:
        """The password is compared with the name, handle and address, which the instance has only now."""
        super()._post_clean()  # type: ignore[misc]
        if password := self.cleaned_data.get("password"):
            try:
                validate_password(password, self.instance)
            except ValidationError as error:
                self.add_error("password", error)


def _free(handle: str) -> str:
    """This handle, if nobody has it."""
    if handles.is_taken(handle):
        text = gettext("Somebody has this handle already. %(handle)s is free.")
        raise ValidationError(text % {"handle": f"@{handles.next_to(handle)}"})
    return handle
