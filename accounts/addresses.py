"""A person's e-mail address, in the two places that must agree: `User.email`, and allauth's record of who has
proved that an address is theirs.
"""

from allauth.account.models import EmailAddress
from django.db import transaction

from .models import User


def prove(user: User) -> None:
    """A link that we mailed to this person came back. Of several addresses we cannot say which one it went to."""
    known = list(EmailAddress.objects.filter(user=user))
    if len(known) == 1 and not known[0].verified:
        known[0].set_verified()


@transaction.atomic
def record(user: User, *, verified: bool) -> None:
    """Make `user.email` this person's only address."""
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=verified)
