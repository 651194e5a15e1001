from collections.abc import Iterator
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import get_connection, send_mail

from .finding import Finding


def server() -> Iterator[Finding]:
    if settings.EMAIL_BACKEND.endswith("console.EmailBackend"):
        yield Finding.note(
            "Mail is printed where the server runs: forgotten passwords and invitations reach nobody.",
            "Set EMAIL_URL, for example smtp+tls://user:password@mail.example.org:587",
        )
        return
    connection = get_connection()
    try:
        connection.open()
        connection.close()
    except (OSError, SMTPException) as error:
        yield Finding.problem(f"The mail server does not take us: {error}", "Look at EMAIL_URL.")
        return
    yield Finding.ok("The mail server takes our sign-in. To send a letter: manage.py doctor --mail you@example.org")


def letter(address: str) -> Finding:
    """Send one."""
    try:
        send_mail("Earshot's test letter", "Mail from Earshot arrives.", None, [address])
    except (OSError, SMTPException) as error:
        return Finding.problem(f"A letter to {address} could not be sent: {error}", "Look at EMAIL_URL.")
    return Finding.ok(f"A letter is on its way to {address}.")
