"""Content types keep their ids although the tables are emptied after each test.

A server that outlives the tests has them in its cache, as servers do; making them anew gives them new ids.
"""

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

_first: dict[tuple[str, str], int] = {}


def keep() -> None:
    """Give each the id that it had when this was first called."""
    found = {(each.app_label, each.model): each.pk for each in ContentType.objects.all()}
    if not _first:
        _first.update(found)
    with transaction.atomic():  # the foreign keys are looked at when it commits
        for name, pk in found.items():
            if pk != (first := _first.get(name, pk)):
                Permission.objects.filter(content_type_id=pk).update(content_type_id=first)
                ContentType.objects.filter(pk=pk).update(id=first)
    ContentType.objects.clear_cache()
