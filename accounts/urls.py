from django.urls import path

from . import invitation_views, views

urlpatterns = [
    path("setup/<str:token>/", views.setup, name="setup"),
    path("settings/", views.settings_page, name="settings"),
    path("settings/profile/", views.profile, name="settings-profile"),
    path("settings/do-not-disturb/", views.do_not_disturb, name="settings-do-not-disturb"),
    path("settings/hide-address/", views.hide_address, name="settings-hide-address"),
    path("settings/call-waiting/", views.call_waiting, name="settings-call-waiting"),
    path("settings/invitations/", invitation_views.invitations_page, name="invitations"),
    path("settings/invitations/<uuid:invitation>/revoke/", invitation_views.revoke, name="invitation-revoke"),
    path("join/<str:secret>/", invitation_views.join, name="join"),
    path("people/<uuid:person>/favourite/", views.favourite, name="favourite"),
    path("people/<uuid:person>/block/", views.block, name="block"),
]
