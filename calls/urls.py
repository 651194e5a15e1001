from django.urls import path

from . import guest_views, link_views, views

urlpatterns = [
    path("", views.people, name="people"),
    path("people/<str:handle>/", views.people, name="person"),
    path("calls/", views.recents, name="recents"),
    path("calls/quality/", views.quality, name="quality"),
    path("calls/seen/", views.seen, name="recents-seen"),
    *(path(f"calls/export.{form}", views.export, {"form": form}, name=f"recents-{form}") for form in ("csv", "json")),
    path("calls/<uuid:call_id>/", views.call, name="call"),
    path("calls/<uuid:call_id>/delete/", views.forget, name="call-forget"),
    path("calls/messages/<int:message_id>/delete/", views.forget_message, name="message-forget"),
    path("settings/missed-mail/", views.missed_mail_wanted, name="missed-mail"),
    path("settings/everything.json", views.everything_held, name="personal-data"),
    path("links/", link_views.links_page, name="links"),
    path("links/new/", link_views.new_link, name="link-new"),
    path("links/personal/", link_views.personal, name="link-personal"),
    path("links/<uuid:link>/", link_views.link_page, name="link"),
    path("links/<uuid:link>/qr.svg", link_views.qr_code, name="link-qr"),
    path("links/<uuid:link>/mail/", link_views.mail, name="link-mail"),
    path("links/<uuid:link>/pause/", link_views.pause, name="link-pause"),
    path("links/<uuid:link>/revoke/", link_views.revoke, name="link-revoke"),
    path("l/", guest_views.guest_page, name="guest"),
    path("l/look", guest_views.look, name="guest-look"),
    path("l/enter", guest_views.enter, name="guest-enter"),
    path("l/message", guest_views.leave_message, name="guest-message"),
]
