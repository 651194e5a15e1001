"""Backing up and restoring all that an installation must not lose: its database and its secret key, in one file."""
