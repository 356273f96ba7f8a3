"""Photos from strangers: only pixels pass, and no file takes the house down."""

import io
import random
import resource
import struct
import time
import zlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from core import photos
from core.photos import PhotoMissing, PhotoTooLarge, PhotoUnreadable

pytestmark = [
    pytest.mark.no_db,
    pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning"),
    pytest.mark.filterwarnings("ignore:Corrupt EXIF"),
]
GPS = b"GPS-28.32N-110.59E"


def encoded(kind, size=(40, 30), mode="RGB", colour="red", **options):
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, kind, **options)
    return out.getvalue()


def clean(raw):
    return photos.clean(io.BytesIO(raw))


def opened(photo):
    return Image.open(io.BytesIO(photo.bytes))


def png_of(width, height, *, rows=b"", colour_type=2):
    """A PNG that claims a size, whatever it really holds."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


@pytest.fixture(autouse=True)
def within_two_seconds_of_cpu():
    before = time.process_time()
    yield
    assert time.process_time() - before < 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_of_each_kind_becomes_a_jpeg(kind):
    photo = clean(encoded(kind))
    assert (photo.width, photo.height, opened(photo).format, opened(photo).mode) == (40, 30, "JPEG", "RGB")
    assert len(photo.sha256) == 64


def test_a_large_photo_is_made_smaller_and_keeps_its_shape():
    photo = clean(encoded("JPEG", (4000, 3000)))
    assert (photo.width, photo.height) == (1600, 1200)


def test_a_small_photo_is_not_blown_up():
    assert clean(encoded("JPEG", (1, 1))).width == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright(orientation):
    picture = Image.new("RGB", (80, 60), "white")
    upright = Image.new("RGB", (80, 60), "white")
    for image in (picture, upright):
        image.paste("red", (0, 0, 20, 20))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    if orientation != 1:
        picture = picture.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif, quality=95)
    turned = opened(clean(out.getvalue()))
    assert turned.size == (80, 60)
    assert turned.getpixel((10, 10))[1] < 60 < 200 < turned.getpixel((70, 50))[1]


def test_position_camera_comment_and_colour_profile_stay_behind():
    exif = Image.Exif()
    exif[0x010F] = "PhoneMaker"
    exif.get_ifd(0x8825)[0x1D] = GPS.decode()
    raw = encoded("JPEG", exif=exif, comment=b"at home: " + GPS, icc_profile=b"icc " + GPS)
    raw += b"<?php after the end ?>" + GPS
    assert GPS in raw
    photo = clean(raw)
    assert GPS not in photo.bytes
    assert b"PhoneMaker" not in photo.bytes
    assert b"php" not in photo.bytes
    picture = opened(photo)
    assert dict(picture.getexif()) == {}
    assert not {"comment", "icc_profile", "exif", "xmp"} & set(picture.info)


def test_text_and_profile_of_a_png_stay_behind():
    notes = PngInfo()
    notes.add_text("Comment", GPS.decode())
    notes.add_itxt("XML:com.adobe.xmp", GPS.decode())
    photo = clean(encoded("PNG", pnginfo=notes, icc_profile=b"icc " + GPS))
    assert GPS not in photo.bytes
    assert set(opened(photo).info) <= {
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
        "progressive",
        "progression",
    }


def test_what_was_transparent_is_white():
    photo = clean(encoded("PNG", mode="RGBA", colour=(255, 0, 0, 0)))
    assert min(opened(photo).getpixel((5, 5))) > 250


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "P"), ("PNG", "L"), ("PNG", "1"), ("PNG", "LA"), ("PNG", "I;16"), ("JPEG", "CMYK")]
)
def test_unusual_colours_are_read(kind, mode):
    raw = encoded(kind, mode=mode, colour=0) if mode != "LA" else encoded(kind, mode=mode, colour=(0, 255))
    assert opened(clean(raw)).mode == "RGB"


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\xff", b"hello", EPS, SVG, b"<?xml version='1.0'?>" + SVG, b"%PDF-1.7\n", b"MZ\x90\0", b"PK\x03\x04",
        encoded("GIF"), encoded("BMP"), encoded("TIFF"), encoded("ICO"), encoded("PPM"),
        b"\0\0\0\x18ftypheic" + b"\0" * 40, b"\xff\xd8\xff", b"\xff\xd8\xff\xe0" + EPS, b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n" + SVG, b"RIFF\x10\0\0\0WEBPVP8 ", b"RIFF\xff\xff\xff\xffWEBP" + b"\0" * 64,
        b"GIF89a" + encoded("JPEG"), SVG + encoded("PNG"),
    ],
)  # fmt: skip
def test_what_is_no_photo_is_refused(raw):
    with pytest.raises(PhotoUnreadable):
        clean(raw)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_half_a_photo_is_refused(kind):
    picture = Image.effect_noise((200, 200), 80).convert("RGB")
    out = io.BytesIO()
    picture.save(out, kind)
    with pytest.raises(PhotoUnreadable):
        clean(out.getvalue()[: len(out.getvalue()) // 2])


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_film_is_refused(kind):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    with pytest.raises(PhotoUnreadable):
        clean(out.getvalue())


def test_of_a_phone_photo_with_two_pictures_the_first_is_taken():
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9), "blue")])
    photo = clean(out.getvalue())
    assert (photo.width, photo.height) == (40, 30)
    assert opened(photo).getpixel((5, 5))[0] > 200


@pytest.mark.parametrize(
    ("width", "height"), [(30_000, 30_000), (10_000, 10_000), (9_000, 9_000), (4_001, 4_000), (2**31 - 1, 2**31 - 1)]
)
def test_a_small_file_of_many_pixels_is_refused_before_it_is_unpacked(width, height):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((PhotoTooLarge, PhotoUnreadable)):
        clean(png_of(width, height, rows=b"\0" * 1_000_000))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_a_jpeg_beyond_fifty_million_pixels_is_refused():
    raw = bytearray(encoded("JPEG"))
    size = raw.index(b"\xff\xc0") + 5
    raw[size : size + 4] = struct.pack(">HH", 8_000, 8_000)
    with pytest.raises(PhotoTooLarge):
        clean(bytes(raw))


def test_more_than_twelve_megabytes_are_refused():
    with pytest.raises(PhotoTooLarge):
        clean(encoded("JPEG") + b"\0" * photos.BYTES_MAX)


def test_a_text_bomb_in_a_png_is_refused_or_dropped():
    body = zlib.compress(b"A" * 80_000_000, 9)
    chunk = b"zTXt" + b"Comment\0\0" + body
    good = encoded("PNG")
    bomb = good[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + good[33:]
    with pytest.raises(PhotoUnreadable):
        clean(bomb)


def test_garbled_photos_are_refused_and_nothing_else_happens():
    chance = random.Random(7)
    for kind in ("JPEG", "PNG", "WEBP"):
        whole = encoded(kind, exif=Image.Exif())
        for _ in range(60):
            raw = bytearray(whole)
            for _ in range(chance.randint(1, 8)):
                raw[chance.randrange(12, len(raw))] = chance.randrange(256)
            try:
                clean(bytes(raw))
            except (PhotoUnreadable, PhotoTooLarge):
                continue


def test_a_stored_photo_has_a_random_name_and_is_readable_by_us_alone():
    photo = clean(encoded("JPEG"))
    first, second = photos.store(photo), photos.store(photo)
    assert first != second
    assert photos.path(first).read_bytes() == photo.bytes
    assert photos.path(first).stat().st_mode & 0o777 == 0o600
    photos.remove(first)
    photos.remove(second)
    with pytest.raises(PhotoMissing):
        photos.path(first)


@pytest.mark.parametrize(
    "name",
    ["", "..", "../keys.json", "/etc/passwd", "a" * 32, "a" * 32 + ".png", "A" * 32 + ".jpg", "0" * 32 + ".jpg\n"],
)
def test_a_name_that_is_none_of_ours_finds_nothing(name):
    with pytest.raises(PhotoMissing):
        photos.path(name)
