#!/usr/bin/env python3
"""Computes the root in a wipe receipt from files that came back, without poof.

Written from docs/wiping.md alone. Prints the root, and how many files and bytes it is of.
"""

import hashlib
import os
import stat
import sys

from blake3 import blake3

KINDS = {
    stat.S_IFREG: b"f",
    stat.S_IFLNK: b"l",
    stat.S_IFIFO: b"p",
    stat.S_IFCHR: b"c",
    stat.S_IFBLK: b"b",
}


def content(path: bytes, kind: bytes) -> bytes:
    if kind == b"f":
        with open(path, "rb") as file:
            return file.read()
    return os.readlink(path) if kind == b"l" else b""


def root(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash of RFC 6962, as its section 2.1 defines it."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\1" + root(leaves[:half]) + root(leaves[half:])).digest()


def main() -> None:
    directory, salt = os.fsencode(sys.argv[1]), bytes.fromhex(sys.argv[2])
    found, total = [], 0
    for above, directories, files in os.walk(directory):
        for name in directories + files:
            path = os.path.join(above, name)
            kind = KINDS.get(stat.S_IFMT(os.lstat(path).st_mode))
            if kind is None:
                continue
            data = content(path, kind)
            total += len(data) if kind == b"f" else 0
            leaf = salt + kind + len(data).to_bytes(8, "big") + blake3(data).digest()
            relative = os.path.relpath(path, directory)
            found.append((relative.split(b"/"), leaf + relative))
    leaves = [leaf for _, leaf in sorted(found)]
    print(f"root: {root(leaves).hex()}")
    print(f"root-of: {len(leaves)} files, {total} bytes")


main()
