"""A person's e-mail address, in the two places that must agree: `User.email`, and allauth's record of who has
proved that an address is theirs.
"""

from allauth.account.models import EmailAddress
from django.db import transaction

from .models import User


@transaction.atomic
def record(user: User, *, verified: bool) -> None:
    """Make `user.email` this person's only address."""
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=verified)
