"""Inviting people, and opening an invitation."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from . import invitations
from .forms import NO_ADDRESS
from .models import Invitation, InvitationState, User

LASTS = {"1": gettext_lazy("A day"), "7": gettext_lazy("A week"), "30": gettext_lazy("30 days")}

# A list of what is over helps nobody.
SHOWN = 100


class InvitationForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        help_text=gettext_lazy("It is sent there. Leave this empty to copy the address and send it yourself."),
        required=False,
        error_messages={"invalid": NO_ADDRESS},
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    lasts = forms.ChoiceField(label=gettext_lazy("Good for"), choices=list(LASTS.items()), initial="7")


@login_required
@never_cache
def invitations_page(request: HttpRequest) -> HttpResponse:
    me = _inviting(request)
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"].lower()
        invitation = invitations.make(me, email, timedelta(days=int(form.cleaned_data["lasts"])))
        _send(request, invitation)
        return redirect("invitations")
    shown = [_shown(request, each) for each in invitations.seen_by(me)[:SHOWN]]
    return render(request, "accounts/invitations.html", {"form": form, "invitations": shown})


@login_required
@require_POST
def revoke(request: HttpRequest, invitation: UUID) -> HttpResponse:
    invitations.revoke(get_object_or_404(invitations.seen_by(_inviting(request)), pk=invitation))
    messages.success(request, _("The invitation is revoked."))
    return redirect("invitations")


@require_GET
@never_cache
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """Somebody has opened an invitation: they may sign up in this browser."""
    if request.user.is_authenticated:
        return redirect("/")
    invitation = invitations.find(secret)
    state = invitation.state(timezone.now()) if invitation else None
    if invitation is None or state is not InvitationState.OPEN:
        return render(request, "accounts/invitation_gone.html", {"state": state}, status=404)
    request.session[invitations.SESSION_KEY] = str(invitation.pk)
    # allauth's form takes the address from the query.
    query = "?" + urlencode({"email": invitation.email}) if invitation.email else ""
    return redirect(reverse("account_signup") + query)


def _send(request: HttpRequest, invitation: Invitation) -> None:
    if not invitation.email:
        messages.success(request, _("The invitation is made. Copy its address and send it."))
        return
    try:
        invitations.mail(invitation, _address(request, invitation))
    except OSError:  # the mail server is away or refuses
        messages.warning(request, _("The mail could not be sent. Copy the address below and send it yourself."))
    else:
        messages.success(request, _("Sent to %(to)s.") % {"to": invitation.email})


def _shown(request: HttpRequest, invitation: Invitation) -> dict[str, Any]:
    state = invitation.state(timezone.now())
    address = _address(request, invitation) if state is InvitationState.OPEN else ""
    return {"invitation": invitation, "state": state, "address": address}


def _address(request: HttpRequest, invitation: Invitation) -> str:
    return request.build_absolute_uri(reverse("join", args=[invitations.secret(invitation)]))


def _inviting(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required stands before every caller
    if not invitations.may_invite(request.user):
        raise PermissionDenied
    return request.user
