from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from . import addresses, erasure
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


@dataclass(frozen=True, slots=True)
class Act:
    """Something that an admin is asked about before it is done to people.

    `named`: the log tells whom it was done to.
    """

    title: Any
    question: Any
    yes: Any
    done: Any
    do: Callable[[User], None]
    spares_self: bool = False
    permission: str = "accounts.change_user"
    named: bool = True


def _close(person: User) -> None:
    """By its own save, so that it is noticed: sockets close and calls end."""
    person.is_active = False
    person.save(update_fields=["is_active"])


SIGN_OUT = Act(
    title=_("Sign out everywhere?"),
    question=_("Every browser of theirs is signed out, and their calls end. They can sign in again at once."),
    yes=_("Sign out everywhere"),
    done=_("Signed out everywhere"),
    do=User.sign_out_everywhere,
)
CLOSE = Act(
    title=_("Close the account?"),
    question=_("They are signed out, their calls end, and nobody can call them. Their history stays."),
    yes=_("Close the account"),
    done=_("Closed the account"),
    do=_close,
    spares_self=True,
)
ERASE = Act(
    title=_("Erase for good?"),
    question=_("The account, its links and what it measured are deleted, and the name goes from others' history."),
    yes=_("Erase for good"),
    done=_("Erased a person"),
    do=erasure.erase,
    spares_self=True,
    permission="accounts.delete_user",
    named=False,
)


@admin.register(User)
class PersonAdmin(UserAdmin):
    add_form = AddPersonForm
    add_form_template = None
    form = ChangePersonForm
    list_display = ("name", "handle", "email", "is_active", "is_staff", "last_seen_at")
    list_filter = ("is_active", "is_staff", "date_joined")
    search_fields = ("name", "handle", "email")
    ordering = ("name",)
    actions = ("sign_out_selected", "deactivate", "activate", "erase_selected")
    change_form_template = "admin/accounts/person.html"
    readonly_fields = ("date_joined", "last_seen_at", "last_login")
    add_fieldsets = ((None, {"fields": ("name", "handle", "email")}),)
    fieldsets = (
        (None, {"fields": ("name", "handle", "email", "password", "is_active")}),
        (_("Calls"), {"fields": ("do_not_disturb_until", "hide_address", "call_waiting")}),
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

    def get_urls(self) -> list[URLPattern]:
        def own(route: str, view: Any, name: str) -> URLPattern:
            return path(f"<uuid:person_id>/{route}/", self.admin_site.admin_view(view), name=f"accounts_user_{name}")

        return [
            own("sign-out", self.sign_out, "sign_out"),
            own("close", self.close, "close"),
            own("erase", self.erase, "erase"),
            *super().get_urls(),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Erasing does more than deleting the row, and asks in its own words."""
        return False

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(ERASE.permission))

    def sign_out(self, request: HttpRequest, person_id: UUID) -> HttpResponse:
        """Ask, then end every session of one person."""
        return self._ask_about(request, person_id, SIGN_OUT)

    def close(self, request: HttpRequest, person_id: UUID) -> HttpResponse:
        """Ask, then close one person's account."""
        return self._ask_about(request, person_id, CLOSE)

    def erase(self, request: HttpRequest, person_id: UUID) -> HttpResponse:
        """Ask, then erase one person."""
        return self._ask_about(request, person_id, ERASE)

    @admin.action(description=_("Erase the selected people for good"), permissions=["erase"])
    def erase_selected(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        return self._ask(request, people, ERASE, back=request.get_full_path())

    @admin.action(description=_("Close the selected accounts: sign out, and allow no calls"), permissions=["change"])
    def deactivate(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        return self._ask(request, people.filter(is_active=True), CLOSE, back=request.get_full_path())

    @admin.action(description=_("Sign the selected people out everywhere"), permissions=["change"])
    def sign_out_selected(self, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
        return self._ask(request, people, SIGN_OUT, back=request.get_full_path())

    @admin.action(description=_("Open the selected accounts again"), permissions=["change"])
    def activate(self, request: HttpRequest, people: QuerySet[User]) -> None:
        opened = 0
        for person in people.filter(is_active=False):
            person.is_active = True
            person.save(update_fields=["is_active"])
            self.log_change(request, person, gettext("Opened the account again"))
            opened += 1
        text = ngettext("%(count)d account is open.", "%(count)d accounts are open.", opened)
        messages.success(request, text % {"count": opened})

    def _ask_about(self, request: HttpRequest, person_id: UUID, act: Act) -> HttpResponse:
        person = User.objects.filter(pk=person_id)
        if not request.user.has_perm(act.permission):
            raise PermissionDenied
        if not person:
            raise Http404
        back = reverse("admin:accounts_user_change", args=[person_id])
        answer = self._ask(request, person, act, back, confirmed=request.method == "POST")
        return answer or redirect(back if person.exists() else "admin:accounts_user_changelist")

    def _ask(
        self, request: HttpRequest, people: QuerySet[User], act: Act, back: str, confirmed: bool | None = None
    ) -> HttpResponse | None:
        """Do it to these people if the admin has confirmed it, each with a log entry; else the page that asks."""
        chosen = list(people.exclude(pk=str(request.user.pk)) if act.spares_self else people)
        if len(chosen) < people.count() and request.user in people:
            messages.warning(request, gettext("Your own account stays open."))
        if confirmed is None:
            confirmed = "confirmed" in request.POST
        if confirmed or not chosen:
            for person in chosen:
                name = person.name
                act.do(person)
                if act.named:
                    self.log_change(request, person, str(act.done))
                else:
                    self._note_nameless(request, str(act.done))
                messages.success(request, f"{act.done}: {name}")
            return None
        selected = [(ACTION_CHECKBOX_NAME, str(person.pk)) for person in chosen]
        context = {
            **self.admin_site.each_context(request),
            "title": act.title,
            "question": act.question,
            "names": [f"{person.name} (@{person.handle})" for person in chosen],
            "yes": act.yes,
            "back": back,
            "fields": [("action", request.POST.get("action", "")), *selected, ("confirmed", "yes")],
        }
        return TemplateResponse(request, "admin/confirm.html", context)

    def _note_nameless(self, request: HttpRequest, text: str) -> None:
        LogEntry.objects.create(
            user=request.user,  # type: ignore[misc]  # the admin lets nobody else in
            content_type=ContentType.objects.get_for_model(User),
            action_flag=DELETION,
            change_message=text,
        )


@admin.register(Block)
class BlockAdmin(admin.ModelAdmin):
    """To look at when somebody says that they cannot reach somebody."""

    list_display = ("owner", "person", "made_at")
    search_fields = ("owner__name", "owner__handle", "person__name", "person__handle")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Block | None = None) -> bool:
        return False
