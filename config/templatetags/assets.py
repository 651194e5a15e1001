"""Hashed ES modules without a build step.

Modules import each other by plain relative names. The import map sends the URL that such a name resolves to on to
the hashed file, for static and dynamic imports alike (WHATWG HTML, "import maps"). Django's own rewriting of
imports (`support_js_module_import_aggregation`) misses some and breaks on comments.
"""

import json
from functools import cache

from django import template
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag(takes_context=True)
def import_map(context: template.Context) -> SafeString:
    """`<script type="importmap">` for every module under static/js; nothing where files are not hashed."""
    text = _import_map()
    if not text:
        return mark_safe("")
    nonce = context["request"].csp_nonce
    return format_html('<script type="importmap" nonce="{}">{}</script>', nonce, mark_safe(text))


@cache
def _import_map() -> str:
    hashed: dict[str, str] = getattr(staticfiles_storage, "hashed_files", {})
    imports = {
        settings.STATIC_URL + plain: settings.STATIC_URL + target
        for plain, target in sorted(hashed.items())
        if plain.startswith("js/") and plain.endswith(".js")
    }
    return json.dumps({"imports": imports}, separators=(",", ":")) if imports else ""
