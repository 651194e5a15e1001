"""What to call a device: its browser and system, as its User-Agent header says. Never taken for more than a hint."""

from ua_parser import parse_os, parse_user_agent

from .models.call import CLIENT_LENGTH

# Beyond this it is no browser's, and parsing gets slow.
HEADER_LENGTH = 512


def client_name(user_agent: str) -> str:
    """ "Chrome Mobile on Android"; empty when it says nothing. ua-parser keeps the last few hundred in a cache."""
    header = user_agent[:HEADER_LENGTH]
    browser, system = parse_user_agent(header), parse_os(header)
    names = [each.family for each in (browser, system) if each is not None]
    return " on ".join(names)[:CLIENT_LENGTH]
