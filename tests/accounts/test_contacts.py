import pytest
from django.urls import reverse

from accounts import contacts
from accounts.models import Block, Favourite

pytestmark = pytest.mark.django_db


def test_one_may_call_every_other_open_account_by_name(people):
    people.ben.is_active = False
    people.ben.save()
    assert list(contacts.callable_by(people.ana)) == [people.sam]


def test_who_blocks_me_stays_in_my_list(people):
    contacts.set_block(people.ben, people.ana)
    assert people.ben in contacts.callable_by(people.ana)


def test_blocks_have_a_direction(people):
    contacts.set_block(people.ana, people.ben)
    assert contacts.is_blocked(people.ana.pk, people.ben.pk)
    assert contacts.is_blocked(str(people.ana.pk), str(people.ben.pk))
    assert not contacts.is_blocked(people.ben.pk, people.ana.pk)
    assert list(contacts.blocked_by(people.ana)) == [people.ben]
    assert list(contacts.blocked_by(people.ben)) == []


def test_who_is_blocked_is_no_favourite(people):
    contacts.set_favourite(people.ana, people.ben)
    contacts.set_block(people.ana, people.ben)
    assert list(contacts.favourites_of(people.ana)) == []


@pytest.mark.parametrize(("name", "relation"), [("favourite", Favourite), ("block", Block)])
class TestTheButton:
    def test_turns_it_on_and_off(self, ana, people, name, relation):
        url = reverse(name, args=[people.ben.pk])
        assert ana.post(url).status_code == 302
        assert list(relation.objects.values_list("owner", "person")) == [(people.ana.pk, people.ben.pk)]
        ana.post(url)
        assert not relation.objects.exists()

    def test_pressed_twice_does_what_it_said(self, ana, people, name, relation):
        url = reverse(name, args=[people.ben.pk])
        for _ in range(2):
            ana.post(url, {"wanted": "yes"})
        assert relation.objects.count() == 1
        for _ in range(2):
            ana.post(url, {"wanted": "no"})
        assert not relation.objects.exists()

    def test_goes_back_to_where_it_was_pressed_but_never_elsewhere(self, ana, people, name, relation):
        url = reverse(name, args=[people.ben.pk])
        assert ana.post(url, {"next": "/people/ben/"}).url == "/people/ben/"
        for evil in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
            assert ana.post(url, {"next": evil}).url in ("/", reverse("settings"))

    @pytest.mark.parametrize("headers", [{"accept": "application/json"}, {"x-requested-with": "fetch"}])
    def test_a_script_gets_no_page(self, ana, people, name, relation, headers):
        answer = ana.post(reverse(name, args=[people.ben.pk]), headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")
        assert relation.objects.count() == 1

    def test_is_not_for_oneself_nor_for_nobody(self, ana, people, name, relation):
        for pk in (people.ana.pk, "00000000-0000-4000-8000-000000000000"):
            assert ana.post(reverse(name, args=[pk])).status_code == 404
        assert not relation.objects.exists()

    def test_asks_who_presses(self, client, people, name, relation):
        answer = client.post(reverse(name, args=[people.ben.pk]))
        assert answer.url.startswith(reverse("account_login"))
        assert not relation.objects.exists()

    def test_is_no_link(self, ana, people, name, relation):
        assert ana.get(reverse(name, args=[people.ben.pk])).status_code == 405


def test_a_closed_account_can_be_unblocked(ana, people):
    contacts.set_block(people.ana, people.ben)
    people.ben.is_active = False
    people.ben.save()
    assert "Ben" in ana.get(reverse("settings")).content.decode()
    ana.post(reverse("block", args=[people.ben.pk]), {"wanted": "no"})
    assert not Block.objects.exists()


def test_a_stranger_learns_nothing_of_blocks(client, people):
    contacts.set_block(people.ana, people.ben)
    for stranger in (people.sam, people.ben):
        client.force_login(stranger)
        page = client.get(reverse("settings")).content.decode()
        assert "You have blocked nobody" in page
