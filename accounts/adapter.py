"""What allauth asks us: who may sign up, where to go next, and in which words to say no."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.forms import BaseForm
from django.http import HttpRequest
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext_lazy as _

from . import invitations
from .models import Invitation, User

WRONG_SIGN_IN = _("This is not the password of that account, or there is no such account. Try again, or reset it.")


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": _("This account is closed. Ask an admin to open it again."),
        "duplicate_email": _("This is your e-mail address already."),
        "email_password_mismatch": WRONG_SIGN_IN,
        "email_taken": _(
            "Somebody has an account with this e-mail address. Is it yours? Then sign in, or reset the password."
        ),
        "enter_current_password": _("This is not your password."),
        "incorrect_password": _("This is not your password."),
        "invalid_login": WRONG_SIGN_IN,
        "same_as_current": _("This is your e-mail address already."),
        "too_many_login_attempts": _("Too many wrong passwords. Wait five minutes, then try again."),
        "username_password_mismatch": WRONG_SIGN_IN,
        "username_taken": _("Somebody has this handle already. Choose another."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.EARSHOT_SIGN_UP == "open" or invitations.opened(request) is not None

    def save_user(self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True) -> User:
        """Uses the invitation up in the same transaction: no account without one, and none used in vain."""
        user.name = form.cleaned_data["name"]
        try:
            with transaction.atomic():
                invitation = invitations.opened(request)
                if invitation is not None and not invitations.claim(invitation):
                    raise ImmediateHttpResponse(redirect("account_signup"))
                saved = super().save_user(request, user, form, commit)
                if invitation is not None:
                    Invitation.objects.filter(pk=invitation.pk).update(used_by=saved)
        except IntegrityError:
            # The form found the handle free, and somebody has taken it since.
            messages.error(request, _("Somebody took that handle in the same moment. Choose another."))
            raise ImmediateHttpResponse(redirect("account_signup")) from None
        request.session.pop(invitations.SESSION_KEY, None)
        return saved

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return resolve_url("settings")
