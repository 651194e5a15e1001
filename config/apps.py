from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProjectConfig(AppConfig):
    name = "config"
    verbose_name = _("Earshot")

    def ready(self) -> None:
        from . import checks  # noqa: F401 (registers them)
