"""Pages that are kept between readers: drawn once for nobody, with blanks for the little that differs.

What may be kept is for the caller to say, by what he keeps it under; here it is seen to that no reader gets into it.
"""

import secrets
from typing import NamedTuple

from flask import g, render_template, request
from markupsafe import escape

from core.web import csrf_token


class _Blanks(NamedTuple):
    """Words that stand where a reader's own belong. Nobody can guess them, so no text of a farmer contains one."""

    nonce: str
    token: str
    path: str


class _Nobody(NamedTuple):
    """The request of no reader in particular."""

    full_path: str


_blanks = _Blanks(*(secrets.token_hex(16) for _blank in _Blanks._fields))


def draw(template: str, *, elder: bool, signed_in: bool, **facts: object) -> str:
    """A page without its reader, of whom only is known whether he has signed in; in the language of the moment."""
    return render_template(
        template,
        who=signed_in or None,
        elder_mode=elder,
        nonce=_blanks.nonce,
        csrf_token=lambda: _blanks.token,
        request=_Nobody(_blanks.path),
        **facts,
    )


def fill(drawn: str) -> str:
    """The page of this reader."""
    path = escape(request.full_path.rstrip("?"))
    return drawn.replace(_blanks.nonce, g.nonce).replace(_blanks.token, csrf_token()).replace(_blanks.path, path)
