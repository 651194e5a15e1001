from django.urls import path

from . import views

urlpatterns = [
    path("", views.people, name="people"),
    path("people/<str:handle>/", views.people, name="person"),
    path("calls/", views.recents, name="recents"),
    path("calls/seen/", views.seen, name="recents-seen"),
]
