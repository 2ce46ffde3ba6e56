"""Media: what a file is, where its bytes come from, and what documents are called."""

from __future__ import annotations

import io
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from bedrock_converse.media import (
    MediaError,
    add_document_text,
    audio,
    document,
    document_name,
    image,
    unique_document_names,
    video,
)
from bedrock_converse.media_formats import ACCEPTED, normalise, recognise
from bedrock_converse.types import (
    AudioBlock,
    CachePointBlock,
    CitationsConfig,
    DocumentBlock,
    ImageBlock,
    Message,
    S3Location,
    ToolResultBlock,
    VideoBlock,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name in names:
            packed.writestr(name, "x")
    return file.getvalue()


FILES: list[tuple[bytes, str]] = [
    (PNG, "png"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "jpeg"),
    (b"GIF89a....", "gif"),
    (b"RIFF\x10\0\0\0WEBPVP8 ", "webp"),
    (b"%PDF-1.7\n", "pdf"),
    (b"junk\n%PDF-1.4\n", "pdf"),
    (archive("word/document.xml"), "docx"),
    (archive("xl/workbook.xml"), "xlsx"),
    (b"<!DOCTYPE html><p>hi", "html"),
    (b"\xef\xbb\xbf <html>", "html"),
    (b"just words", "txt"),
    ("grüße".encode(), "txt"),
    (b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x86\x81\x01B\x82\x84webm", "webm"),
    (b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x86\x81\x01B\x82\x88matroska", "mkv"),
    (b"\0\0\0\x18ftypisom", "mp4"),
    (b"\0\0\0\x18ftypqt  ", "mov"),
    (b"\0\0\0\x18ftyp3gp5", "three_gp"),
    (b"\0\0\0\x18ftypM4A ", "m4a"),
    (b"\0\0\0\x08moov", "mov"),
    (b"FLV\x01", "flv"),
    (b"\0\0\x01\xba\x44", "mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wmv"),
    (b"ID3\x04", "mp3"),
    (b"\xff\xfb\x90\x00", "mp3"),
    (b"\xff\xf1\x50\x80", "aac"),
    (b"RIFF\x10\0\0\0WAVEfmt ", "wav"),
    (b"fLaC\0", "flac"),
    (b"OggS\0\x02" + b"\0" * 22 + b"OpusHead", "opus"),
    (b"OggS\0\x02" + b"\0" * 22 + b"\x01vorbis", "ogg"),
]


@pytest.mark.parametrize(("content", "expected"), FILES, ids=lambda value: value if isinstance(value, str) else "")
def test_content_shows_the_format(content: bytes, expected: str) -> None:
    """The first candidate is the right one without any name."""
    assert recognise(content)[0] == expected


def test_accepted_formats_are_botocores() -> None:
    """The lists are those of AWS's service model."""
    pytest.importorskip("botocore")
    from botocore.loaders import Loader

    shapes: dict[str, Any] = Loader().load_service_model("bedrock-runtime", "service-2")["shapes"]
    for kind, formats in ACCEPTED.items():
        assert sorted(formats) == sorted(shapes[f"{kind.capitalize()}Format"]["enum"])


@pytest.mark.parametrize(
    ("written", "meant"),
    [(".JPG", "jpeg"), ("image/png", "png"), ("text/plain; charset=utf-8", "txt"), ("3gp", "three_gp")],
)
def test_normalise(written: str, meant: str) -> None:
    """Extensions and MIME types become AWS's words."""
    assert normalise(written) == meant


async def test_a_path_is_read_off_the_loop(tmp_path: Path) -> None:
    """By str and by Path; blockbuster fails this test if the loop reads."""
    path = tmp_path / "chart.png"
    path.write_bytes(PNG)
    assert await image(path) == await image(str(path)) == ImageBlock(format="png", source=PNG)


async def test_nothing_is_read_before_the_await(tmp_path: Path) -> None:
    """The file may come to be later."""
    path = tmp_path / "late.png"
    pending = image(path)
    path.write_bytes(PNG)
    assert (await pending).source == PNG


def test_trio(tmp_path: Path) -> None:
    """The same on trio."""
    path = tmp_path / "chart.png"
    path.write_bytes(PNG)
    assert anyio.run(image, path, backend="trio").source == PNG


async def test_content_beats_name(tmp_path: Path) -> None:
    """A PNG that is called .jpg is a PNG: models refuse the wrong word."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(PNG)
    assert (await image(path)).format == "png"


@pytest.mark.parametrize(("name", "expected"), [("a.csv", "csv"), ("a.md", "md"), ("a.py", "txt"), ("a", "txt")])
async def test_a_text_file_goes_by_its_name(tmp_path: Path, name: str, expected: str) -> None:
    """Text shows no format, so the name decides, and any other text is plain text."""
    (tmp_path / name).write_bytes(b"a,b\n1,2\n")
    assert (await document(tmp_path / name)).format == expected


async def test_latin_1_text_goes_by_its_name() -> None:
    """Bytes that tell nothing leave the name."""
    file = io.BytesIO("Müller;1".encode("latin-1"))
    file.name = "list.csv"
    assert (await document(file)).format == "csv"


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, io.BytesIO])
async def test_bytes_and_files(wrap: Callable[[bytes], Any]) -> None:
    """Every kind of bytes, and an open file."""
    assert (await image(wrap(PNG))).source == PNG


class Upload:
    """What web frameworks hand over."""

    filename = "../report v1.pdf"

    async def read(self) -> bytes:
        return b"%PDF-1.7"


async def test_an_async_upload() -> None:
    """Its read() is awaited, and its name is a file's name without folders."""
    block = await document(Upload())
    assert (block.name, block.format) == ("report v1", "pdf")


async def test_an_anyio_file(tmp_path: Path) -> None:
    """anyio's async files work as well."""
    (tmp_path / "x.png").write_bytes(PNG)
    async with await anyio.open_file(tmp_path / "x.png", "rb") as file:
        assert (await image(file)).source == PNG


async def test_s3() -> None:
    """A URI with the owner's account; the format is the key's."""
    block = await image("s3://bucket/a/b.jpg?bucketOwner=123456789012")
    assert block == ImageBlock(format="jpeg", source=S3Location(uri="s3://bucket/a/b.jpg", bucket_owner="123456789012"))


async def test_s3_location_and_given_format() -> None:
    """A key without extension needs the format; a location is taken as it is."""
    place = S3Location(uri="s3://bucket/clip")
    assert await video(place, format="video/mp4") == VideoBlock(format="mp4", source=place)
    with pytest.raises(MediaError, match="format='mkv'"):
        await video(place)


@pytest.mark.parametrize(
    "uri", ["s3://bucket", "s3:///key", "s3://b/k.png?bucketOwner=12", "s3://b/k.png?bucketOwner="]
)
async def test_a_bad_s3_uri(uri: str) -> None:
    """Refused here, before AWS does it in its own words."""
    with pytest.raises(MediaError):
        await image(uri)


@pytest.mark.parametrize("url", ["https://example.com/cat.png", "HTTP://x/y.png", "file:///cat.png"])
async def test_urls_are_refused_with_a_hint(url: str) -> None:
    """Fetching is the application's business; the message does not repeat the URL, which may hold a signature."""
    with pytest.raises(MediaError, match="fetch it yourself") as caught:
        await image(url)
    assert "png" not in str(caught.value)


async def test_data_urls_are_refused_with_a_hint() -> None:
    """base64 text is not decoded behind the user's back."""
    with pytest.raises(MediaError, match="b64decode"):
        await image("data:image/png;base64,AAAA")


async def test_the_error_lists_what_is_accepted() -> None:
    """What it is, and what AWS takes."""
    with pytest.raises(MediaError, match=r"is bmp: AWS accepts png, jpeg, gif, webp"):
        await image(b"BM\x46\0\0\0\0\0\0\0")
    with pytest.raises(MediaError, match="is pptx"):
        await document(archive("ppt/slides.xml"))
    with pytest.raises(MediaError, match="format='tiff'"):
        await image(PNG, format="tiff")


async def test_unreadable(tmp_path: Path) -> None:
    """A missing file, a folder, an empty file, a text file object, a closed one: all typed."""
    (tmp_path / "empty.png").touch()
    closed = io.BytesIO(PNG)
    closed.close()
    for source in (tmp_path / "none.png", tmp_path, tmp_path / "empty.png", io.StringIO("x"), closed, 7, "a\0b.png"):
        with pytest.raises(MediaError):
            await image(source)


async def test_errors_keep_their_facts() -> None:
    """They are ValueErrors too, and survive pickle."""
    with pytest.raises(ValueError, match="empty") as caught:
        await image(b"")
    assert pickle.loads(pickle.dumps(caught.value)).kind == "image"


async def test_audio_pcm_by_name(tmp_path: Path) -> None:
    """Raw PCM has no mark of its own."""
    (tmp_path / "x.pcm").write_bytes(bytes(range(1, 9)) + b"\0")
    assert await audio(tmp_path / "x.pcm") == AudioBlock(format="pcm", source=bytes(range(1, 9)) + b"\0")


async def test_document_options() -> None:
    """Name, context and citations reach the block."""
    block = await document(b"words", name="Q3: Résumé.", context="from legal", citations=True)
    assert block == DocumentBlock(
        name="Q3- Resume-", format="txt", source=b"words", context="from legal", citations=CitationsConfig(enabled=True)
    )


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("Report [1] (final)-2", "Report [1] (final)-2"),
        ("my_report.v2", "my-report-v2"),
        ("a\u3000 \t b", "a b"),
        ("報告書", "Document"),
        ("", "Document"),
        ("x" * 300, "x" * 200),
    ],
)
def test_document_name(name: str, valid: str) -> None:
    """AWS's alphabet, single spaces, 1 to 200 characters."""
    assert document_name(name) == valid


def doc(name: str) -> DocumentBlock:
    return DocumentBlock(name=name, format="txt", source=b"x")


def names(messages: list[Message]) -> list[str]:
    return [block.name for message in messages for block in message.content if isinstance(block, DocumentBlock)]


def test_names_are_unique_over_the_history() -> None:
    """Ignoring case, also against names that look like ours; the input is untouched."""
    history = [user("a", doc("Report"), doc("report")), user("b", doc("REPORT"), doc("report (2)"))]
    assert names(unique_document_names(history)) == ["Report", "report (2)", "REPORT (3)", "report (2) (2)"]
    assert names(history) == ["Report", "report", "REPORT", "report (2)"]


def test_names_do_not_change_as_the_history_grows() -> None:
    """Otherwise every turn would throw the prompt cache away."""
    history = [user("a", doc("x"), doc("x")), user("b", doc("x (2)")), user("c", doc("X"))]
    for end in range(1, len(history) + 1):
        assert names(unique_document_names(history[:end])) == names(unique_document_names(history))[: 1 + end]


def test_long_names_stay_within_the_limit() -> None:
    """The number takes the place of the last characters."""
    second = names(unique_document_names([user("a", doc("x" * 200), doc("x" * 200))]))[1]
    assert len(second) == 200
    assert second.endswith(" (2)")


def test_documents_in_tool_results_count() -> None:
    """They are in the history too."""
    result = ToolResultBlock(tool_use_id="1", content=[doc("x")])
    _, second = unique_document_names([user("a", doc("x")), user(result)])
    assert second.content == [ToolResultBlock(tool_use_id="1", content=[doc("x (2)")])]


def test_messages_without_change_are_the_same_objects() -> None:
    """Nothing is copied for nothing."""
    history = [user("a", doc("x")), user("b")]
    assert all(new is old for new, old in zip(unique_document_names(history), history, strict=True))
    assert all(new is old for new, old in zip(add_document_text(history), history, strict=True))


def test_text_beside_a_document() -> None:
    """Put before the document, so that a cache point behind it stays where it was; blank text does not count."""
    [message] = add_document_text([user(" ", doc("x"), CachePointBlock())])
    assert message.content == [" ", "See the attached document.", doc("x"), CachePointBlock()]
