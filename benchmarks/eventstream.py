"""What a frame of the event stream costs to decode, beside botocore's `EventStreamBuffer`. Bytes to frames, no events.

    python benchmarks/eventstream.py

CPU time, best of several rounds: read the ratios, not the digits. The stream is 20,000 text deltas of 140 to 190 bytes,
as Bedrock sends them (a padding key makes their lengths vary).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from botocore.eventstream import EventStreamBuffer

from bedrock_converse._wire.eventstream import MAX_PAYLOAD, FrameDecoder, encode_event, encode_frame

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMES = 20_000
LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def delta(number: int) -> bytes:
    padding = LETTERS[: number * 7 % len(LETTERS)]
    return encode_event("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"river"},"p":"' + padding + b'"}')


def ours(chunks: list[bytes]) -> int:
    decoder = FrameDecoder()
    count = 0
    for chunk in chunks:
        decoder.receive_data(chunk)
        for _ in decoder.frames():
            count += 1
    return count


def ours_stored_first(chunks: list[bytes]) -> int:
    decoder = FrameDecoder()
    for chunk in chunks:
        decoder.receive_data(chunk)
    return sum(1 for _ in decoder.frames())


def botocores(chunks: list[bytes]) -> int:
    buffer = EventStreamBuffer()
    count = 0
    for chunk in chunks:
        buffer.add_data(chunk)
        for _ in buffer:
            count += 1
    return count


def seconds(decode: Callable[[list[bytes]], int], chunks: list[bytes], frames: int, rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        count = decode(chunks)
        best = min(best, time.process_time() - started)
        assert count == frames
    return best


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def compare_small_frames() -> None:
    frames = [delta(number) for number in range(FRAMES)]
    data = b"".join(frames)
    # Every frame begins in a way that was not seen before: nothing remembered helps.
    strangers = [encode_frame({"n": number, ":event-type": "contentBlockDelta"}, b"{}") for number in range(FRAMES)]
    cases: list[tuple[str, list[bytes], int]] = [
        ("one frame a chunk", frames, 9),
        ("one frame a chunk, each 5 times", frames * 5, 3),
        ("four frames a chunk", [b"".join(frames[at : at + 4]) for at in range(0, FRAMES, 4)], 9),
        ("chunks of 1,000 bytes", cut(data, 1000), 9),
        ("chunks of 64 bytes", cut(data, 64), 5),
        ("all in one chunk", [data], 9),
        ("no two headers alike", strangers, 5),
    ]
    print(f"{'per frame, µs':<34}{'ours':>9}{'botocore':>11}{'ratio':>8}")
    for title, chunks, rounds in cases:
        count = FRAMES * (5 if "5 times" in title else 1)
        mine = seconds(ours, chunks, count, rounds) / count * 1e6
        theirs = seconds(botocores, chunks, count, 2) / count * 1e6
        print(f"{title:<34}{mine:>9.2f}{theirs:>11.2f}{theirs / mine:>8.1f}")
    mine = seconds(ours_stored_first, frames, FRAMES, 5) / FRAMES * 1e6
    print(f"{'all chunks stored before reading':<34}{mine:>9.2f}")


def compare_a_big_frame() -> None:
    data = encode_frame({}, bytes(MAX_PAYLOAD))
    print(f"\n{'one frame of 24 MiB, s':<34}{'ours':>9}{'botocore':>11}{'ratio':>8}")
    for size in (len(data), 65536, 8192, 1024):
        chunks = cut(data, size)
        mine = seconds(ours, chunks, 1, 5)
        shown = f"{'-':>11}{'':>8}"  # botocore copies everything for each chunk: 20 s at 1 KiB
        if size >= 8192:
            theirs = seconds(botocores, chunks, 1, 1)
            shown = f"{theirs:>11.3f}{theirs / mine:>8.1f}"
        print(f"{f'in pieces of {size:,} bytes':<34}{mine:>9.3f}{shown}")


if __name__ == "__main__":
    compare_small_frames()
    compare_a_big_frame()
