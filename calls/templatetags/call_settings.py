"""What the settings page has to say of calls: the page itself is of the accounts, which know nothing of them."""

from typing import Any

from django import template

from calls import missed_mail

register = template.Library()


@register.inclusion_tag("calls/_history_settings.html", takes_context=True)
def history_settings(context: template.Context) -> dict[str, Any]:
    """Mail about missed calls, and everything that is held on oneself."""
    user = context["request"].user
    return {"wants_mail": missed_mail.is_wanted(user), "email": user.email, "csrf_token": context.get("csrf_token")}
