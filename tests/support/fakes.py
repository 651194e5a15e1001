"""Fake cameras and microphones that a test can recognise on the other side: a colour and a tone."""

import math
import struct
import wave
from pathlib import Path

WIDTH, HEIGHT, FRAMES = 320, 240, 15
SAMPLE_RATE = 48_000


def write_colour(path: Path, red: int, green: int, blue: int) -> Path:
    """A second of video in one colour, as YUV4MPEG2 (BT.601, full range)."""
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    u, v = 128 + 0.564 * (blue - y), 128 + 0.713 * (red - y)
    planes = bytes([round(y)]) * (WIDTH * HEIGHT)
    for value in (u, v):
        planes += bytes([min(255, max(0, round(value)))]) * (WIDTH * HEIGHT // 4)
    with path.open("wb") as out:
        out.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FRAMES}:1 Ip A1:1 C420jpeg\n".encode())
        for _ in range(FRAMES):
            out.write(b"FRAME\n" + planes)
    return path


def write_tone(path: Path, hertz: int) -> Path:
    """Two seconds of a sine that loops without a click."""
    frames = b"".join(
        struct.pack("<h", round(12_000 * math.sin(2 * math.pi * hertz * n / SAMPLE_RATE)))
        for n in range(2 * SAMPLE_RATE)
    )
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(frames)
    return path
