"""Where objects and files are: docs/format.md, "Names of objects"."""

import os
import re


def standard(name: bytes) -> bytes:
    """A name in rclone's standard encoding."""
    text = name.decode("utf-8", "surrogateescape")
    if text in ("\uff0e", "\uff0e\uff0e"):
        return "".join("\u201b" + letter for letter in text).encode()
    quoted = {"\u2421", "\uff0f", "\u201b", *map(chr, range(0x2400, 0x2420))}

    def encoded(letter: str) -> str:
        if 0x01 <= ord(letter) <= 0x1F:
            return chr(0x2400 + ord(letter))
        if letter == "\x7f":
            return "\u2421"
        return "\u201b" + letter if letter in quoted else letter

    return "".join(map(encoded, text)).encode("utf-8", "surrogateescape")


def on_disk(name: bytes) -> bytes:
    """A name as a local directory has it."""
    text = name.decode("utf-8", "surrogateescape")
    if text in ("\uff0e", "\uff0e\uff0e"):
        return "".join("\u201b" + letter for letter in text).encode()
    text = re.sub("([\u2400\uff0f\u201b])", "\u201b\\1", text)
    return text.encode("utf-8", "surrogateescape")


def directory_at(top: int, names: list[bytes]) -> int:
    """Opens a directory below another, name by name: paths may be longer than a call takes."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    here = os.dup(top)
    for name in names:
        try:
            below = os.open(name, flags, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here
