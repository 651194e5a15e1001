"""Text as people type it: without the control characters (Unicode's Cc) that no screen shows and no XLSX file takes."""

from unicodedata import category


def printable(text: str) -> str:
    """Lines of text, which may have tabs."""
    return "".join(each for each in text if each in "\n\t" or category(each) != "Cc")


def in_one_line(text: str) -> str:
    """Runs of white space, line breaks among it, count as one space."""
    return " ".join(part for word in text.split() if (part := printable(word)))
