"""The settings pages, and what one does about another person. allauth has the pages for signing in."""

from typing import Any
from uuid import UUID

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from . import contacts
from . import setup as first_admin
from .availability import Span, until
from .forms import ProfileForm, SetupForm
from .invitations import may_invite
from .models import User


@never_cache
@sensitive_post_parameters("password")
def setup(request: HttpRequest, token: str) -> HttpResponse:
    """Makes the first admin, signs them in, and never works again."""
    if not first_admin.is_valid(token):
        return render(request, "accounts/setup_gone.html", {"has_admin": first_admin.has_admin()}, status=404)
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = first_admin.make_first_admin(**form.cleaned_data)
        if user is None:
            return render(request, "accounts/setup_gone.html", {"has_admin": True}, status=404)
        login(request, user)
        return redirect("/")
    return render(request, "accounts/setup.html", {"form": form})


@login_required
def settings_page(request: HttpRequest) -> HttpResponse:
    return _settings(request, ProfileForm(instance=_me(request)))


@login_required
@require_POST
def profile(request: HttpRequest) -> HttpResponse:
    # A copy: a form that is wrong has changed its instance, and the page around it shows who one is.
    form = ProfileForm(request.POST, instance=User.objects.get(pk=_me(request).pk))
    if not form.is_valid():
        return _settings(request, form)
    form.save()
    messages.success(request, _("Saved. Others see you as %(name)s now.") % {"name": form.instance.name})
    return redirect("settings")


@login_required
@require_POST
def do_not_disturb(request: HttpRequest) -> HttpResponse:
    try:
        span = Span(request.POST.get("for", ""))
    except ValueError:
        return HttpResponseBadRequest(_("There is no such span of time."))
    user = _me(request)
    user.do_not_disturb_until = until(span, timezone.now(), request.POST.get("zone", ""))
    user.save(update_fields=["do_not_disturb_until"])
    return _done(request, reverse("settings"))


@login_required
@require_POST
def hide_address(request: HttpRequest) -> HttpResponse:
    user = _me(request)
    user.hide_address = bool(settings.TURN_URLS) and request.POST.get("hide_address") == "on"
    user.save(update_fields=["hide_address"])
    messages.success(
        request,
        _("Your calls go through the relay from now on.")
        if user.hide_address
        else _("Your calls take the shortest way from now on."),
    )
    return _done(request, reverse("settings"))


@login_required
@require_POST
def call_waiting(request: HttpRequest) -> HttpResponse:
    user = _me(request)
    user.call_waiting = request.POST.get("call_waiting") == "on"
    user.save(update_fields=["call_waiting"])
    messages.success(
        request,
        _("While you are in a call, others can ring you.")
        if user.call_waiting
        else _("While you are in a call, others are told that you are in another call."),
    )
    return _done(request, reverse("settings"))


@login_required
@require_POST
def favourite(request: HttpRequest, person: UUID) -> HttpResponse:
    other = get_object_or_404(contacts.callable_by(_me(request)), pk=person)
    contacts.set_favourite(_me(request), other, _wanted(request))
    return _done(request, "/")


@login_required
@require_POST
def block(request: HttpRequest, person: UUID) -> HttpResponse:
    other = get_object_or_404(contacts.others_than(_me(request)), pk=person)
    blocked = contacts.set_block(_me(request), other, _wanted(request))
    text = (
        _("%(name)s is blocked and cannot reach you. They are not told.")
        if blocked
        else _("%(name)s can call you again.")
    )
    messages.success(request, text % {"name": other.name})
    return _done(request, reverse("settings"))


def _settings(request: HttpRequest, form: ProfileForm) -> HttpResponse:
    user = _me(request)
    context: dict[str, Any] = {
        "form": form,
        "blocked": contacts.blocked_by(user),
        "may_invite": may_invite(user),
        "second_step": is_mfa_enabled(user),
        "undisturbed": user.is_undisturbed(timezone.now()),
        "can_hide_address": bool(settings.TURN_URLS),
        "spans": [
            (Span.HALF_HOUR, _("30 minutes")),
            (Span.HOUR, _("1 hour")),
            (Span.TOMORROW, _("Until tomorrow")),
        ],
    }
    return render(request, "accounts/settings.html", context)


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required stands before every caller
    return request.user


def _wanted(request: HttpRequest) -> bool | None:
    """What the form asks for: on, off, or whatever it is not now."""
    return {"yes": True, "no": False}.get(request.POST.get("wanted", ""))


def _done(request: HttpRequest, otherwise: str) -> HttpResponse:
    """Nothing for a script; for a form, the page that it names in `next`, if that is one of ours."""
    if "application/json" in request.headers.get("Accept", "") or request.headers.get("X-Requested-With") == "fetch":
        list(messages.get_messages(request))  # seen: the script says it itself
        return HttpResponse(status=204)
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = otherwise
    return redirect(target)
