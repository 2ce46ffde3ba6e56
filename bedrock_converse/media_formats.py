"""Which formats AWS takes, and how files show what they are: by their first bytes.

`recognise` gives candidates rather than one answer, because containers are shared: `ftyp` begins MP4 videos, M4A sound
and HEIC pictures, and one Matroska file may be a video or only its sound. What is asked for, and then the file's name,
decide among them.
"""

from __future__ import annotations

import io
import re
import zipfile

__all__ = ["ACCEPTED", "normalise", "recognise"]

ACCEPTED: dict[str, tuple[str, ...]] = {
    "image": ("png", "jpeg", "gif", "webp"),
    "document": ("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"),
    "video": ("mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"),
    "audio": (
        *("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm"),
        "webm",
    ),
}
"""The formats in AWS's service model (botocore 1.44, 2026-11)."""

_SYNONYMS = {
    synonym: name
    for name, synonyms in {
        "jpeg": ("jpg", "jpe", "jfif"),
        "html": ("htm",),
        "md": ("markdown",),
        "txt": ("text", "plain"),
        "doc": ("msword",),
        "docx": ("vnd.openxmlformats-officedocument.wordprocessingml.document",),
        "xls": ("vnd.ms-excel",),
        "xlsx": ("vnd.openxmlformats-officedocument.spreadsheetml.sheet",),
        "mov": ("qt", "quicktime"),
        "mp4": ("m4v",),
        "mkv": ("x-matroska",),
        "flv": ("x-flv",),
        "wmv": ("x-ms-wmv",),
        "three_gp": ("3gp", "3gpp", "3g2"),
        "ogg": ("oga",),
        "wav": ("wave", "x-wav"),
        "flac": ("x-flac",),
        "m4a": ("x-m4a",),
    }.items()
    for synonym in synonyms
}


def normalise(name: str) -> str:
    """A file extension or a MIME type as AWS's name for the format: `".JPG"`, `"image/jpeg"` -> `"jpeg"`."""
    short = name.lower().partition(";")[0].strip().rpartition("/")[2].lstrip(".")
    return _SYNONYMS.get(short, short)


# The first bytes -> candidates, the likeliest first. Names that no kind accepts make the error say what the file is.
_BEGINNINGS: tuple[tuple[bytes, tuple[str, ...]], ...] = (
    (b"\x89PNG\r\n\x1a\n", ("png",)),
    (b"\xff\xd8\xff", ("jpeg",)),
    (b"GIF87a", ("gif",)),
    (b"GIF89a", ("gif",)),
    (b"BM", ("bmp",)),
    (b"II*\0", ("tiff",)),
    (b"MM\0*", ("tiff",)),
    (b"%PDF-", ("pdf",)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ("doc", "xls", "ppt")),
    (b"{\\rtf", ("rtf",)),
    (b"FLV", ("flv",)),
    (b"\0\0\x01\xba", ("mpeg", "mpg")),
    (b"\0\0\x01\xb3", ("mpeg", "mpg")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ("wmv",)),
    (b"ID3", ("mp3", "mpeg", "mpga")),
    (b"fLaC", ("flac",)),
    (b"\xff\xf1", ("aac", "x-aac")),
    (b"\xff\xf9", ("aac", "x-aac")),
    (b"\x1f\x8b", ("gzip",)),
)
_RIFF = {b"WEBP": ("webp",), b"WAVE": ("wav",), b"AVI ": ("avi",)}
_PICTURE_BRANDS = {b"heic": "heic", b"heix": "heic", b"mif1": "heic", b"avif": "avif", b"avis": "avif"}


def recognise(content: bytes) -> tuple[str, ...]:
    """What `content` can be, the likeliest first; empty when its bytes do not tell."""
    for beginning, candidates in _BEGINNINGS:
        # two bytes alone are no proof: a text may begin with "BM"
        if content.startswith(beginning) and (beginning != b"BM" or content[6:10] == b"\0\0\0\0"):
            return candidates
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12], ())
    if content[:4] == b"OggS":
        return ("opus", "ogg") if b"OpusHead" in content[:64] else ("ogg",)
    if content[:4] == b"\x1a\x45\xdf\xa3":
        return ("webm",) if b"webm" in content[:64] else ("mkv", "mka")
    if content[4:8] == b"ftyp":
        return _of_brand(content[8:12])
    if content[4:8] in (b"moov", b"mdat", b"wide") and content[:1] == b"\0":
        return ("mov",)
    if content[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return (_inside_zip(content),)
    if b"%PDF-" in content[:1024]:  # readers accept rubbish before it
        return ("pdf",)
    # an MPEG audio frame: 11 bits set, and a layer that is not reserved
    if len(content) > 1 and content[0] == 0xFF and content[1] & 0xE0 == 0xE0 and content[1] & 0x06:
        return ("mp3", "mpeg", "mpga")
    return _text(content)


def _of_brand(brand: bytes) -> tuple[str, ...]:
    if brand in _PICTURE_BRANDS:
        return (_PICTURE_BRANDS[brand],)
    if brand == b"qt  ":
        return ("mov",)
    if brand[:2] == b"3g":
        return ("three_gp",)
    return ("m4a", "mp4") if brand in (b"M4A ", b"M4B ") else ("mp4", "m4a")


def _inside_zip(content: bytes) -> str:
    """Office files are archives, told apart by what lies in them."""
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except (zipfile.BadZipFile, ValueError, OSError):
        return "zip"
    folders = {name.partition("/")[0] for name in names}
    return next((found for folder, found in _OFFICE.items() if folder in folders), "zip")


_OFFICE = {"word": "docx", "xl": "xlsx", "ppt": "pptx"}
_PAGE = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html[\s>])", re.IGNORECASE | re.DOTALL)


def _text(content: bytes) -> tuple[str, ...]:
    """Text files have no mark of their own, so the name decides first; a web page shows itself."""
    sample = content[:4096]
    if b"\0" in sample:
        return ()
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 3 or len(content) <= len(sample):  # not just a character cut in two
            return ()
    plain = ("txt", "csv", "md", "html")
    page = _PAGE.match(sample.removeprefix(b"\xef\xbb\xbf"))
    if b"<svg" in sample:
        return ("svg", *plain)
    return ("html", *plain) if page else plain
