"""Where objects and files are: docs/format.md, "Names of objects"."""

import os

QUOTE, DOT = "\u201b", "\uff0e"
# What a name on a local directory has encoded, and what rclone's standard encoding has
# besides.
DISK = {"\0": "\u2400", "/": "\uff0f"}
STANDARD = DISK | {chr(code): chr(0x2400 + code) for code in range(0x01, 0x20)} | {"\x7f": "\u2421"}


def standard(name: bytes) -> bytes:
    """A name in rclone's standard encoding."""
    return encoded(name, STANDARD)


def on_disk(name: bytes) -> bytes:
    """A name in standard encoding as a local directory has it."""
    return encoded(decoded(name, STANDARD), DISK)


def of_disk(name: bytes) -> bytes:
    """The inverse of `on_disk`."""
    return encoded(decoded(name, DISK), STANDARD)


def encoded(name: bytes, table: dict[str, str]) -> bytes:
    text = name.decode("utf-8", "surrogateescape")
    if text in (".", ".."):
        text = DOT * len(text)
    elif text in (DOT, DOT + DOT):
        text = "".join(QUOTE + letter for letter in text)
    else:
        quoted = {QUOTE, *table.values()}
        letters = (QUOTE + x if x in quoted else table.get(x, x) for x in text)
        text = "".join(letters)
    return text.encode("utf-8", "surrogateescape")


def decoded(name: bytes, table: dict[str, str]) -> bytes:
    text = name.decode("utf-8", "surrogateescape")
    back = {letter: clear for clear, letter in table.items()}
    if text in (DOT, DOT + DOT):
        text = "." * len(text)
    elif text in (QUOTE + DOT, (QUOTE + DOT) * 2):
        text = text.replace(QUOTE, "")
    else:
        letters, rest = [], iter(text)
        for letter in rest:
            if letter == QUOTE:
                after = next(rest, "")
                letters.append(after if after == QUOTE or after in back else QUOTE + after)
            else:
                letters.append(back.get(letter, letter))
        text = "".join(letters)
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
