"""The look's colours: each pair of text and ground against WCAG 2.2 AA, in both themes."""

import math
import re
from pathlib import Path

import pytest
from django.conf import settings

from accounts.models import HUES

CSS = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text()
TOKENS = dict(re.findall(r"--([a-z0-9-]+):\s*([^;]+);", CSS))

TEXT, MARK = 4.5, 3.0  # success criteria 1.4.3 and 1.4.11
GROUNDS = ("page", "surface", "raised", "selected", "hover")

PAIRS = [(text, ground, TEXT) for text in ("text", "soft", "accent", "attention", "danger") for ground in GROUNDS]
PAIRS += [
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-hover", TEXT),
    ("on-attention", "attention", TEXT),
    ("on-answer", "answer", TEXT),
    ("on-answer", "answer-hover", TEXT),
    ("on-answer-soft", "answer-soft", TEXT),
    ("on-end", "end", TEXT),
    ("on-end", "end-hover", TEXT),
    ("on-notice", "notice", TEXT),
    ("on-warning", "warning", TEXT),
    ("on-alarm", "alarm", TEXT),
    ("on-stage", "stage", TEXT),
    ("on-stage-soft", "stage", TEXT),
    ("text", "field", TEXT),
    ("soft", "field", TEXT),
]
PAIRS += [("field-line", ground, MARK) for ground in ("page", "surface", "raised", "field")]
PAIRS += [("focus", ground, MARK) for ground in GROUNDS]
PAIRS += [
    (status, ground, MARK)
    for status in ("online", "in-call", "do-not-disturb", "away", "offline")
    for ground in ("page", "surface", "raised", "selected")
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_it_can_be_read(front, back, least, theme):
    ratio = contrast(colour(front, theme), colour(back, theme))
    assert ratio >= least, f"--{front} on --{back} has {ratio:.2f}, {least} is needed"


@pytest.mark.parametrize("hue", range(HUES))
def test_initials_can_be_read_on_every_avatar(hue):
    assert f'[data-hue="{hue}"]' in CSS
    lightness, chroma = float(TOKENS["avatar-lightness"]), float(TOKENS["avatar-chroma"])
    ground = from_oklch(lightness, chroma, hue * 360 / HUES)
    assert contrast(luminance(from_hex(TOKENS["on-avatar"])), luminance(ground)) >= TEXT


def test_the_page_tells_the_browser_its_colours():
    base = (Path(settings.BASE_DIR) / "templates/base.html").read_text()
    light, dark = re.findall(r"#[0-9a-f]{6}", TOKENS["page"])
    assert f'(prefers-color-scheme: light)" content="{light}"' in base
    assert f'(prefers-color-scheme: dark)" content="{dark}"' in base


def colour(token: str, theme: str) -> float:
    """The token's relative luminance in this theme."""
    colours = re.findall(r"#[0-9a-f]{6}", TOKENS[token])
    assert len(colours) in (1, 2), f"--{token} is not one colour or a light-dark() pair"
    return luminance(from_hex(colours[0 if theme == "light" else -1]))


def contrast(one: float, other: float) -> float:
    """WCAG's ratio of two luminances, 1 to 21."""
    darker, lighter = sorted((one, other))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(linear: list[float]) -> float:
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def from_hex(text: str) -> list[float]:
    """Linear light of an sRGB colour."""
    channels = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def from_oklch(lightness: float, chroma: float, hue: float) -> list[float]:
    """Linear light, clipped to sRGB (CSS Color 4, section 9.3; the matrices are Ottosson's)."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    return [min(1.0, max(0.0, channel)) for channel in (red, green, blue)]
