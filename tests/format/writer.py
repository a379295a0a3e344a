"""Writes a snapshot to a directory: a way back if poof is gone."""

import grp
import os
import pwd
import stat
from pathlib import Path

import manifest
from errors import Damaged
from places import directory_at

# Of a file, what is compared with a hole at once; and the least that is one.
PIECE = 1 << 20
HOLE = 4096
ZERO = bytes(PIECE)


def is_zero(part: bytes) -> bool:
    return part == ZERO[: len(part)]


def parts(piece: bytes) -> list[bytes]:
    """A piece whole if it is all hole, else the blocks that may be holes."""
    if is_zero(piece):
        return [piece]
    return [piece[at : at + HOLE] for at in range(0, len(piece), HOLE)]


class Writer:
    """Writes a tree below a new directory. No link is followed."""

    def __init__(self, path: Path, head: manifest.Head, privileged: bool):
        path.mkdir(mode=0o700)
        self.top = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self.head, self.privileged = head, privileged
        self.directories: list[manifest.Entry] = []
        self.made: set[bytes] = set()
        self.links: dict[int, list[bytes]] = {}
        self.short: dict[str, int] = {}

    def lacks(self, what: str) -> None:
        self.short[what] = self.short.get(what, 0) + 1

    def write(self, entry: manifest.Entry, pieces) -> None:
        """Makes what an entry says. `pieces` is the content of a file."""
        if not entry.path:
            self.directories.append(entry)
            self.made.add(b"")
            return
        *above, name = entry.names
        if b"/".join(above) not in self.made:
            raise Damaged("what is above it is no directory that was written")
        here = directory_at(self.top, above)
        try:
            self.make(entry, name, here, pieces)
        finally:
            os.close(here)

    def make(self, entry: manifest.Entry, name: bytes, here: int, pieces) -> None:
        if entry.hard_link in self.links:
            *above, first = self.links[entry.hard_link]
            there = directory_at(self.top, above)
            try:
                os.link(first, name, src_dir_fd=there, dst_dir_fd=here, follow_symlinks=False)
            finally:
                os.close(there)
            return
        match entry.kind:
            case "directory":
                os.mkdir(name, 0o700, dir_fd=here)
                self.directories.append(entry)
                self.made.add(entry.path)
                return
            case "file":
                self.file(entry, name, here, pieces)
            case "symlink":
                os.symlink(entry.target, name, dir_fd=here)
            case "fifo":
                os.mkfifo(name, 0o600, dir_fd=here)
            case _ if not self.privileged:
                return self.lacks("devices, which --privileged makes")
            case _:
                kind = stat.S_IFCHR if entry.kind.startswith("character") else stat.S_IFBLK
                os.mknod(name, kind | 0o600, entry.device, dir_fd=here)
        if entry.kind != "file":
            self.attributes(entry, name, here)
        if entry.hard_link is not None:
            self.links[entry.hard_link] = entry.names

    def file(self, entry: manifest.Entry, name: bytes, here: int, pieces) -> None:
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=here)
        try:
            for piece in pieces:
                for part in parts(piece) if entry.sparse else [piece]:
                    if entry.sparse and is_zero(part):
                        os.lseek(file, len(part), os.SEEK_CUR)
                        continue
                    while part:
                        part = part[os.write(file, part) :]
            os.ftruncate(file, entry.size)
            self.attributes(entry, file)
        except BaseException:
            os.unlink(name, dir_fd=here)
            raise
        finally:
            os.close(file)

    def attributes(self, entry: manifest.Entry, what: int | bytes, here: int | None = None) -> None:
        """Owner, extended attributes, mode, time, in this order. `what`: open, or a name."""
        is_open, link = isinstance(what, int), entry.kind == "symlink"
        at = {} if is_open else {"dir_fd": here}
        if self.privileged:
            uid, gid = self.owner(entry)
            os.chown(what, uid, gid, **at, **({} if is_open else {"follow_symlinks": False}))
        for key, value in entry.xattrs:
            if not is_open or not (
                self.privileged or key.startswith((b"user.", b"system.posix_acl"))
            ):
                self.lacks("extended attributes")
                continue
            try:
                os.setxattr(what, key, value)
            except OSError:
                self.lacks("extended attributes")
        if not link:
            mode = entry.mode
            if not self.privileged and entry.kind != "directory" and mode & 0o6000:
                mode &= ~0o6000
                self.lacks("setuid and setgid bits, which --privileged sets")
            os.chmod(what, mode, **at)
        seconds, nanos = entry.mtime
        both = (seconds * 1_000_000_000 + nanos,) * 2
        os.utime(what, ns=both, **at, **({} if is_open else {"follow_symlinks": False}))

    def owner(self, entry: manifest.Entry) -> tuple[int, int]:
        """Names count more than numbers."""
        user, group = self.head.users.get(entry.uid), self.head.groups.get(entry.gid)
        try:
            uid = pwd.getpwnam(user).pw_uid if user else entry.uid
        except KeyError:
            uid = entry.uid
        try:
            gid = grp.getgrnam(group).gr_gid if group else entry.gid
        except KeyError:
            gid = entry.gid
        return uid, gid

    def finish(self) -> None:
        """Gives the directories their attributes, the deepest first."""
        for entry in reversed(self.directories):
            here = directory_at(self.top, entry.names)
            try:
                self.attributes(entry, here)
            finally:
                os.close(here)
