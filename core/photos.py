"""Photos from strangers: looked at by their first bytes, bounded, turned upright, and painted anew.

Only pixels pass. Position, camera, comments, colour profile and whatever hangs behind the end of the file stay behind,
because the picture that is kept is a new one. Work takes some 0.3 s of a core: never on an event loop.
"""

import hashlib
import io
import os
import re
import secrets
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from core.errors import Malformed, NotFound
from core.i18n import _
from core.settings import settings

BYTES_MAX = 12 * 1024 * 1024
JPEG_PIXELS_MAX = 50_000_000
"""A JPEG is read at a fraction of its size (draft), so it may be larger than the others."""
OTHER_PIXELS_MAX = 16_000_000
SIDE_MAX = 1_600
QUALITY = 85
NAME = re.compile(r"[0-9a-f]{32}\.jpg")

Image.MAX_IMAGE_PIXELS = JPEG_PIXELS_MAX
warnings.simplefilter("error", Image.DecompressionBombWarning)


class PhotoUnreadable(Malformed):
    """No JPEG, PNG or WebP with one picture, or a damaged one."""

    message = _("这张照片读不了。请用 JPG、PNG 或 WebP 照片，一次一张。")


class PhotoTooLarge(Malformed):
    """Too many bytes or too many pixels."""

    status = 413
    message = _("照片太大了：文件最多 12 MB，像素最多 5000 万（PNG、WebP 最多 1600 万）。")


class PhotoMissing(NotFound):
    """No photo is kept under this name."""

    message = _("没有找到这张照片。")


@dataclass(frozen=True)
class Photo:
    """A clean picture: upright, RGB, JPEG, at most 1,600 pixels a side."""

    bytes: bytes
    width: int
    height: int
    sha256: str


def clean(stream: BinaryIO) -> Photo:
    """A new picture with the pixels of what was sent. Raises PhotoUnreadable, PhotoTooLarge."""
    raw = stream.read(BYTES_MAX + 1)
    if len(raw) > BYTES_MAX:
        raise PhotoTooLarge
    kind = _kind(raw)
    try:
        picture = _upright(raw, kind)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PhotoTooLarge from None
    except (PhotoTooLarge, PhotoUnreadable, MemoryError):
        raise
    except (
        Exception
    ) as trouble:  # a decoder fed with garbage raises whatever it likes: OSError, struct.error, KeyError …
        raise PhotoUnreadable from trouble
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    made = out.getvalue()
    return Photo(made, picture.width, picture.height, hashlib.sha256(made).hexdigest())


def store(photo: Photo) -> str:
    """Keep a photo under a random name, which is returned. The bytes are on the disk before the name is known."""
    name = f"{secrets.token_hex(16)}.jpg"
    place = _place(name)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(photo.bytes)
        out.flush()
        os.fsync(out.fileno())
    return name


def path(name: str) -> Path:
    """Where a kept photo lies. Raises PhotoMissing, also for a name that is none of ours."""
    if not NAME.fullmatch(name) or not _place(name).is_file():
        raise PhotoMissing
    return _place(name)


def remove(name: str) -> None:
    """Take a photo off the disk; gone already is gone."""
    if NAME.fullmatch(name):
        _place(name).unlink(missing_ok=True)


def _place(name: str) -> Path:
    return settings().photo_dir / name[:2] / name


def _kind(raw: bytes) -> str:
    """What the first bytes say; the name of the file and its declared type are hearsay."""
    if raw.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return "WEBP"
    raise PhotoUnreadable


def _upright(raw: bytes, kind: str) -> Image.Image:
    with Image.open(io.BytesIO(raw), formats=(kind,)) as image:
        if image.width * image.height > (JPEG_PIXELS_MAX if kind == "JPEG" else OTHER_PIXELS_MAX):
            raise PhotoTooLarge
        # A JPEG of two pictures is what new phones make (the second is a brightness map); its first is the photo.
        # A PNG or WebP of two is a film.
        if kind != "JPEG" and getattr(image, "n_frames", 1) != 1:
            raise PhotoUnreadable
        image.draft("RGB", (SIDE_MAX, SIDE_MAX))
        turn = image.getexif().get(0x0112, 1)
        image.load()
        flat = _without_transparency(image)
        flat.thumbnail((SIDE_MAX, SIDE_MAX), Image.Resampling.LANCZOS)
    fresh = Image.new("RGB", flat.size)
    fresh.paste(flat)
    return _turned(fresh, turn)


def _without_transparency(image: Image.Image) -> Image.Image:
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    paper = Image.new("RGB", clear.size, "white")
    paper.paste(clear, mask=clear.getchannel("A"))
    return paper


def _turned(image: Image.Image, orientation: object) -> Image.Image:
    """Upright, by the orientation mark of Exif 2.3 (1 to 8); any other mark means upright already."""
    moves = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    move = moves.get(orientation) if isinstance(orientation, int) else None
    return image if move is None else image.transpose(move)
