"""What a guest's browser asks: the page behind every link, what the link in its address is, and to be let in.

The secret is in the fragment of the address, which browsers send to nobody; the page's script posts it here.
"""

from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from accounts.fields import LineField, NameField
from accounts.models import User

from . import facts, links
from .context_processors import telephone
from .core.vocabulary import LinkState
from .identity import GUEST_KEY
from .models import Guest, Link
from .models.link import LINE_LENGTH

# A guest who comes back after this asks the link again.
GUEST_SESSION_SECONDS = 12 * 3600


class EntryForm(forms.Form):
    name = NameField(error_messages={"required": _("Say who you are, so that they know who calls.")})
    line = LineField(max_length=LINE_LENGTH, required=False)


@require_GET
@never_cache
@ensure_csrf_cookie
def guest_page(request: HttpRequest) -> HttpResponse:
    """The same for every link: it says nothing before its script has asked."""
    return render(request, "calls/guest.html", {"telephone": telephone(request)})


@require_POST
@never_cache
@sensitive_post_parameters()
def look(request: HttpRequest) -> HttpResponse:
    """What the link of `secret` is: whom it rings, or why it lets nobody call."""
    guest = _guest(request)
    try:
        link = links.look(request.POST.get("secret", ""), request.POST.get("passcode", ""), _address(request), guest)
    except (links.Closed, links.PasscodeNeeded, links.MustWait) as refusal:
        return _refused(refusal)
    return JsonResponse(_view(link, request, guest))


@require_POST
@never_cache
@sensitive_post_parameters()
def enter(request: HttpRequest) -> HttpResponse:
    """Let a guest in: from here on their session may call whom the link rings, and do nothing else."""
    form = EntryForm(request.POST)
    if request.user.is_authenticated:
        return JsonResponse({"state": "signed_in"}, status=403)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    try:
        guest = links.enter(
            request.POST.get("secret", ""), request.POST.get("passcode", ""), _address(request), **form.cleaned_data
        )
    except (links.Closed, links.PasscodeNeeded, links.MustWait) as refusal:
        return _refused(refusal)
    request.session.flush()
    request.session[GUEST_KEY] = str(guest.pk)
    request.session.set_expiry(GUEST_SESSION_SECONDS)
    return JsonResponse(_view(guest.link, request, guest))


@require_POST
@never_cache
def leave_message(request: HttpRequest) -> HttpResponse:
    """A line of text for whom they could not reach."""
    guest = _guest(request)
    if guest is None:
        return JsonResponse({"state": LinkState.UNKNOWN}, status=403)
    try:
        links.leave_message(guest, request.POST.get("text", ""))
    except ValueError as error:
        return JsonResponse({"errors": {"text": [str(error)]}}, status=400)
    return HttpResponse(status=204)


def _view(link: Link, request: HttpRequest, guest: Guest | None) -> dict[str, Any]:
    owner = facts.person_view(link.owner, link.owner.pk)
    signed_in = request.user if isinstance(request.user, User) else None
    return {
        "state": LinkState.OPEN,
        "owner": {"id": owner.id, "name": owner.name, "handle": "", "hue": owner.hue},
        "title": link.title,
        "kind": link.kind,
        "guest": {"name": guest.name, "line": guest.line} if guest is not None and guest.link_id == link.pk else None,
        "page": None if signed_in is None else ("/links/" if signed_in == link.owner else f"/people/{owner.handle}/"),
    }


def _refused(refusal: Exception) -> JsonResponse:
    match refusal:
        case links.Closed(state=state, link=link):
            return JsonResponse({"state": state, **_when(state, link)}, status=404)
        case links.PasscodeNeeded(wrong=wrong):
            return JsonResponse({"state": LinkState.OPEN, "passcode": "wrong" if wrong else "needed"}, status=403)
        case _:
            return JsonResponse({"state": "wait"}, status=429)


def _when(state: LinkState, link: Link | None) -> dict[str, Any]:
    """When to come back, where that is known."""
    if link is None or link.passcode:
        return {}
    if state is LinkState.NOT_YET:
        return {"from": link.valid_from}
    if state is LinkState.OUT_OF_HOURS:
        opens, closes = (each and f"{each:%H:%M}" for each in (link.opens_at, link.closes_at))
        return {"weekdays": link.weekdays, "opens": opens, "closes": closes, "zone": link.time_zone}
    return {}


def _guest(request: HttpRequest) -> Guest | None:
    id_ = request.session.get(GUEST_KEY)
    return Guest.objects.select_related("link__owner").filter(pk=id_).first() if id_ else None


def _address(request: HttpRequest) -> str:
    return str(get_adapter().get_client_ip(request))
