from django.apps import AppConfig
from django.db.models import Field
from django.utils.translation import gettext_lazy as _


class CallsConfig(AppConfig):
    name = "calls"
    verbose_name = _("Calls")

    def ready(self) -> None:
        from . import signals
        from .among import Among

        Field.register_lookup(Among)
        signals.connect()
