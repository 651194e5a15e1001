"""A person's links: their own one, those that they made, and who came by them."""

from typing import Any
from uuid import UUID

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User

from . import clock, links
from .link_forms import LinkForm, MailForm
from .link_secret import secret_of
from .models import Link


@login_required
@require_GET
@never_cache
def links_page(request: HttpRequest) -> HttpResponse:
    me, now = _me(request), clock.now()
    personal = links.personal(me)
    context = {
        "personal": _shown(request, personal, now) if personal else None,
        "links": [_shown(request, link, now) for link in links.others(me)],
    }
    return render(request, "calls/links.html", context)


@login_required
@sensitive_post_parameters("passcode")
def new_link(request: HttpRequest) -> HttpResponse:
    form = LinkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return redirect("link", links.make(_me(request), **form.facts()).pk)
    return render(request, "calls/link_new.html", {"form": form})


@login_required
@require_GET
@never_cache
def link_page(request: HttpRequest, link: UUID) -> HttpResponse:
    return _link_page(request, _mine(request, link), MailForm())


@login_required
@require_POST
def mail(request: HttpRequest, link: UUID) -> HttpResponse:
    mine, form = _mine(request, link), MailForm(request.POST)
    if form.is_valid():
        try:
            links.mail(mine, _address(request, mine), form.cleaned_data["to"], form.cleaned_data["note"])
        except ValueError as error:
            form.add_error("to", str(error))
        except OSError:  # the mail server is away or refuses
            form.add_error("to", _("The mail could not be sent. Copy the address and send it yourself."))
        else:
            messages.success(request, _("Sent to %(to)s.") % {"to": form.cleaned_data["to"]})
            return redirect("link", link)
    return _link_page(request, mine, form)


def _link_page(request: HttpRequest, link: Link, form: MailForm) -> HttpResponse:
    context = _shown(request, link, clock.now()) | {"guests": link.guests.all(), "mail": form}
    return render(request, "calls/link.html", context)


@login_required
@require_GET
@never_cache
def qr_code(request: HttpRequest, link: UUID) -> HttpResponse:
    """The address as an SVG picture, for a telephone's camera (ISO/IEC 18004)."""
    response = HttpResponse(content_type="image/svg+xml")
    code = segno.make(_address(request, _mine(request, link)), error="m", micro=False)
    code.save(response, kind="svg", scale=6, border=4, light="#fff")  # type: ignore[arg-type]  # it is a file, too
    return response


@login_required
@require_POST
def pause(request: HttpRequest, link: UUID) -> HttpResponse:
    links.pause(_mine(request, link), request.POST.get("wanted") == "yes")
    return redirect("link", link)


@login_required
@require_POST
def revoke(request: HttpRequest, link: UUID) -> HttpResponse:
    links.revoke(_mine(request, link))
    messages.success(request, _("The link is revoked. Nobody gets in by it any more."))
    return redirect("links")


@login_required
@require_POST
def personal(request: HttpRequest) -> HttpResponse:
    """Make one's own link anew, or turn it off."""
    me = _me(request)
    if request.POST.get("wanted") == "off":
        if (mine := links.personal(me)) is not None:
            links.revoke(mine)
        messages.success(request, _("Your own link is off. Nobody gets in by it any more."))
    else:
        had_one = links.personal(me) is not None
        links.renew_personal(me)
        text = _("You have a new link. The old one is dead.") if had_one else _("Your own link is on.")
        messages.success(request, text)
    return redirect("links")


def _shown(request: HttpRequest, link: Link, now: Any) -> dict[str, Any]:
    return {"link": link, "state": link.state(now), "address": _address(request, link)}


def _address(request: HttpRequest, link: Link) -> str:
    return request.build_absolute_uri(reverse("guest")) + "#" + secret_of(link.number)


def _mine(request: HttpRequest, link: UUID) -> Link:
    """One's own link, or a page that is not found: others' do not exist."""
    return get_object_or_404(Link.objects.of(_me(request).pk), pk=link)


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required stands before every caller
    return request.user
