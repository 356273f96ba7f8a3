"""Chinese first, English second. The source text is Chinese; `translations/en.po` of each package holds the English."""

from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po

LANGUAGES = ("zh", "en")
_language: ContextVar[str] = ContextVar("language", default="zh")
_ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("core", "logistics", "shop", "orders", "postal", "web")


class Lazy(str):
    """A text that is put into the reader's language when it is shown, not when it is written."""

    def __str__(self) -> str:
        return gettext(str.__str__(self))


def _(text: str) -> Lazy:
    """Mark a Chinese text for translation."""
    return Lazy(text)


def use_language(language: str) -> None:
    """Set the reader's language for this request or job."""
    _language.set(language if language in LANGUAGES else LANGUAGES[0])


def language() -> str:
    """The reader's language: zh or en."""
    return _language.get()


@cache
def catalogue(of: str) -> dict[str, str]:
    """All translations into a language, Chinese text → translated text."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        file = _ROOT / package / "translations" / f"{of}.po"
        if file.exists():
            with file.open("rb") as source:
                found |= {str(m.id): str(m.string) for m in read_po(source, locale=of) if m.id and m.string}
    return found


def gettext(text: str) -> str:
    """A Chinese text in the reader's language; untranslated text stays Chinese."""
    plain = str.__str__(text)
    wanted = _language.get()
    return plain if wanted == "zh" else catalogue(wanted).get(plain, plain)


def render(text: str, **facts: Any) -> str:
    """A translated text with its facts filled in."""
    words = gettext(text)
    return words.format(**facts) if facts else words
