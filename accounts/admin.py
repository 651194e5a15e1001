from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from . import addresses
from .fields import HandleField, NameField
from .models import Block, User


class AddPersonForm(forms.ModelForm):
    """No password: the person sets one by resetting it."""

    name = NameField()
    handle = HandleField()

    class Meta:
        model = User
        fields = ("name", "handle", "email")

    def save(self, commit: bool = True) -> User:
        self.instance.set_unusable_password()
        return super().save(commit)


class ChangePersonForm(UserChangeForm):
    name = NameField(help_text="")
    handle = HandleField()

    class Meta(UserChangeForm.Meta):
        model = User


@admin.register(User)
class PersonAdmin(UserAdmin):
    add_form = AddPersonForm
    add_form_template = None
    form = ChangePersonForm
    list_display = ("name", "handle", "email", "is_active", "is_staff", "last_seen_at")
    list_filter = ("is_active", "is_staff", "date_joined")
    search_fields = ("name", "handle", "email")
    ordering = ("name",)
    actions = ("deactivate", "activate")
    readonly_fields = ("date_joined", "last_seen_at", "last_login")
    add_fieldsets = ((None, {"fields": ("name", "handle", "email")}),)
    fieldsets = (
        (None, {"fields": ("name", "handle", "email", "password", "is_active")}),
        (_("Calls"), {"fields": ("do_not_disturb_until", "hide_address")}),
        (_("Rights"), {"fields": ("is_staff", "is_superuser", "groups", "user_permissions"), "classes": ["collapse"]}),
        (_("When"), {"fields": ("date_joined", "last_login", "last_seen_at")}),
    )

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            addresses.record(obj, verified=False)
        if not change:
            text = gettext("Ask %(name)s to choose a password at %(address)s.") % {
                "name": obj.name,
                "address": request.build_absolute_uri(reverse("account_reset_password")),
            }
            messages.info(request, text)

    @admin.action(description=_("Close the selected accounts: sign out, and allow no calls"), permissions=["change"])
    def deactivate(self, request: HttpRequest, people: QuerySet[User]) -> None:
        others = people.exclude(pk=str(request.user.pk)).filter(is_active=True)
        closed = self._set_active(others, False)
        text = ngettext("%(count)d account is closed.", "%(count)d accounts are closed.", closed)
        messages.success(request, text % {"count": closed})
        if people.filter(pk=str(request.user.pk)).exists():
            messages.warning(request, gettext("Your own account stays open."))

    @admin.action(description=_("Open the selected accounts again"), permissions=["change"])
    def activate(self, request: HttpRequest, people: QuerySet[User]) -> None:
        opened = self._set_active(people.filter(is_active=False), True)
        text = ngettext("%(count)d account is open.", "%(count)d accounts are open.", opened)
        messages.success(request, text % {"count": opened})

    def _set_active(self, people: QuerySet[User], active: bool) -> int:
        """One by one, so that each one's save is noticed: their sockets close and their calls end."""
        count = 0
        for person in people:
            person.is_active = active
            person.save(update_fields=["is_active"])
            count += 1
        return count


@admin.register(Block)
class BlockAdmin(admin.ModelAdmin):
    """To look at when somebody says that they cannot reach somebody."""

    list_display = ("owner", "person", "made_at")
    search_fields = ("owner__name", "owner__handle", "person__name", "person__handle")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Block | None = None) -> bool:
        return False
