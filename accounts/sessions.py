"""Django's sessions in the database, which also say when one of them gets a new key, or when all of a person's end.

That happens to a session that is in use when its person changes the password, and once to each after SECRET_KEY was
replaced. Whoever remembers people by their session's key must follow it.
"""

from django.contrib.sessions.backends import db
from django.dispatch import Signal

key_cycled = Signal()
"""Sent with `old` and `new`: the keys of the same session."""

signed_out_everywhere = Signal()
"""Sent with `person`, a User, none of whose sessions signs them in any more."""


class SessionStore(db.SessionStore):
    def cycle_key(self) -> None:
        old = self.session_key
        super().cycle_key()
        if old:
            key_cycled.send(type(self), old=old, new=self.session_key)
