#!/usr/bin/env python3
"""Reads a snapshot of poof's without poof.

Written from docs/format.md alone. The bucket is a local directory, or a copy of a bucket:
`rclone copy --no-unicode-normalization STORAGE:BUCKET DIR`. Without --tree it names the trees.
With --tree it checks the newest snapshot of the tree and lists each entry as a line of JSON.
--extract also writes it.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import sys
import zlib
from dataclasses import asdict
from pathlib import Path

from blake3 import blake3

import manifest
from errors import Damaged
from places import directory_at, of_disk, on_disk, standard
from rclone_crypt import Crypt, reveal, section_of
from writer import Writer

PIECE = 1 << 20
GENERATION = re.compile(rb"\d{10}\Z")
SMALL = 1 << 20


def shown(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def told(path: bytes) -> str:
    """A path for people, on one line."""
    return json.dumps(shown(path), ensure_ascii=False) if path else "the root"


# The bucket.


class Bucket:
    """A local directory with what poof has written to it."""

    def __init__(self, path: Path, crypt: Crypt | None):
        self.crypt = crypt
        self.top = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def names(self, place: list[bytes], path: list[bytes]) -> list[bytes]:
        """Names of trees and records are used as they are, those of a path are encoded."""
        names = [*place, *map(standard, path)]
        if self.crypt:
            names = self.crypt.name(names)
        return [on_disk(name) for name in names]

    def within(self, names: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The names of the directories and of the objects in a directory."""
        place = self.crypt.directory(names) if self.crypt else names
        place = [on_disk(name) for name in place]
        try:
            here = directory_at(self.top, place)
        except FileNotFoundError:
            return [], []
        try:
            with os.scandir(here) as found:
                found = [
                    (of_disk(os.fsencode(item.name)), item.is_dir(follow_symlinks=False))
                    for item in found
                ]
        finally:
            os.close(here)
        if self.crypt:
            found = [(self.crypt.clear(name, is_dir), is_dir) for name, is_dir in found]
        kinds = [
            sorted(name for name, is_dir in found if name and is_dir == wanted)
            for wanted in (True, False)
        ]
        return kinds[0], kinds[1]

    def open(self, place: list[bytes], path: list[bytes]):
        *above, last = self.names(place, path)
        here = directory_at(self.top, above)
        try:
            return os.fdopen(os.open(last, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=here), "rb")
        finally:
            os.close(here)

    def pieces(self, file, seen=lambda piece: None):
        """The content of an object, in clear; `seen` sees it as it is stored."""

        def read(count: int) -> bytes:
            piece = file.read(count)
            seen(piece)
            return piece

        if self.crypt and self.crypt.contents:
            yield from self.crypt.pieces(read)
        else:
            while piece := read(PIECE):
                yield piece

    def record(self, names: list[bytes], most: int) -> bytes:
        """A record of poof's, in clear."""
        content = bytearray()
        with self.open([b".poof", *names], []) as file:
            for piece in self.pieces(file):
                content += piece
                if len(content) > most:
                    raise Damaged("it is larger than any that poof writes")
        return bytes(content)

    def trees(self, above: tuple[bytes, ...] = ()) -> list[list[bytes]]:
        """The trees that have a head."""
        directories, _ = self.within([b".poof", b"trees", *above])
        found = []
        for name in directories:
            if name == b"head" and above and self.generations(list(above)):
                found.append(list(above))
            else:
                found += self.trees((*above, name))
        return found

    def generations(self, tree: list[bytes]) -> list[int]:
        _, objects = self.within([b".poof", b"trees", *tree, b"head"])
        return sorted(int(name) for name in objects if GENERATION.match(name))


class Snapshot:
    """A generation of a tree, with its seal and its shards checked."""

    def __init__(self, bucket: Bucket, tree: str, generation: int | None):
        self.bucket, self.tree = bucket, tree.encode().split(b"/")
        known = bucket.generations(self.tree)
        if not known:
            trees = ", ".join(shown(b"/".join(names)) for names in bucket.trees()) or "none"
            raise Damaged(f"the bucket has no snapshot of {tree}. It has these trees: {trees}")
        if generation is not None and generation not in known:
            raise Damaged(f"generation {generation} of {tree} is not there. These are: {known}")
        self.newest = known[-1]
        self.generation = self.newest if generation is None else generation
        record = of("the record .poof/identity", bucket.record, [b"identity"], SMALL)
        try:
            store = json.loads(record)["id"]
        except (ValueError, TypeError, KeyError):
            raise Damaged("the record .poof/identity is damaged") from None
        self.seals = manifest.Seals(bucket.crypt, str(store))
        number = b"%010d" % self.generation
        place = [b"trees", *self.tree]
        data = of("the head", bucket.record, [*place, b"head", number], manifest.LARGEST_HEAD)
        self.head = of("the head", manifest.open_head, data, self.seals, tree, self.generation)
        self.id = blake3(data).hexdigest()
        self.archive = (0, b"")  # the bundle that was read last

    def entries(self):
        """All entries, in order."""
        last, counts = None, [0, 0, 0]
        for shard, count in self.head.shards:
            name = shard[:16].hex()
            place = [b"trees", *self.tree, b"shard", name.encode()]
            data = of(f"shard {name}", self.bucket.record, place, manifest.LARGEST_SHARD)
            entries = of(f"shard {name}", manifest.open_shard, data, shard, self.seals)
            if len(entries) != count:
                raise Damaged(f"shard {name} has {len(entries)} entries, and not {count}")
            for entry in entries:
                rank = manifest.order(entry.path)
                if last is not None and rank <= last:
                    raise Damaged(f"shard {name}: its entries are out of order")
                last = rank
                is_file = entry.kind == "file"
                counts = [counts[0] + 1, counts[1] + is_file, counts[2] + entry.size * is_file]
                yield entry
        if tuple(counts) != self.head.counts:
            raise Damaged("the shards do not hold what the head counts")

    def place(self, entry: manifest.Entry) -> tuple[list[bytes], list[bytes]]:
        """Where the object of an entry is, in clear: what is used as it is, and a path."""
        if entry.stored.odd:
            name = blake3(entry.path).digest(16).hex().encode()
            return [b".poof", b"trees", *self.tree, b"odd", name], []
        link = b".rclonelink" if entry.kind == "symlink" else b""
        *above, last = entry.names
        return self.tree, [*above, last + link]

    def content(self, entry: manifest.Entry):
        """The content of an entry in pieces. Damage is told at its end at the latest."""
        if isinstance(entry.stored, manifest.Member):
            return self.member(entry)
        return self.object(entry)

    def member(self, entry: manifest.Entry):
        """The content of an entry that is in a bundle."""
        member = entry.stored
        if self.archive[0] != member.bundle:
            self.archive = (member.bundle, self.bundle(member.bundle))
        packed = self.archive[1][member.offset : member.offset + member.size]
        if len(packed) != member.size:
            raise Damaged("its bundle is cut")
        if member.deflated:
            unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                packed = unpacker.decompress(packed, manifest.LARGEST_MEMBER + 1)
            except zlib.error as error:
                raise Damaged(f"it does not unpack: {error}") from None
        hashed = blake3(packed).digest()
        if entry.kind == "file" and (len(packed) != entry.size or hashed != entry.content):
            raise Damaged("its content is not what was backed up: its BLAKE3 or size differs")
        yield packed

    def bundle(self, number: int) -> bytes:
        """An archive, in clear."""
        stored = self.head.bundles.get(number)
        if stored is None:
            raise Damaged(f"the head does not have its bundle {number}")
        place = [b".poof", b"bundles", *self.tree, b"%010d.zip" % number]
        return b"".join(self.pieces(stored, place, []))

    def object(self, entry: manifest.Entry):
        """The content of an entry that has an object of its own."""
        stored, crypt = entry.stored, self.bucket.crypt
        size = entry.size if entry.kind == "file" else len(entry.target)
        if stored.size not in {size, crypt.size(size) if crypt else size}:
            raise Damaged("the manifest gives its object a size that is not that of its file")
        content, read = blake3(), 0
        for piece in self.pieces(stored, *self.place(entry)):
            content.update(piece)
            read += len(piece)
            yield piece
        if entry.kind == "file" and (read != entry.size or content.digest() != entry.content):
            raise Damaged("its content is not what was backed up: its BLAKE3 or size differs")

    def pieces(self, stored: manifest.Stored, place: list[bytes], path: list[bytes]):
        """An object in clear, in pieces. That it is what was stored is known at its end."""
        md5, head = hashlib.md5(usedforsecurity=False), bytearray()

        def seen(piece: bytes) -> None:
            md5.update(piece)
            head.extend(piece[: 32 - len(head)])

        with self.bucket.open(place, path) as file:
            found = os.fstat(file.fileno()).st_size
            if found != stored.size:
                raise Damaged(f"its object has {found} bytes, and not {stored.size}")
            yield from self.bucket.pieces(file, seen)
        if stored.nonce is not None and bytes(head[8:]) != stored.nonce:
            raise Damaged("its object is another encryption of it: the nonce differs")
        if stored.md5_is_of_the_whole and md5.digest() != stored.md5:
            raise Damaged("its object is not what was stored: its MD5 differs")


def of(what: str, do, *arguments):
    """Says of what a damage is."""
    try:
        return do(*arguments)
    except Damaged as damaged:
        raise Damaged(f"{what} is not usable: {damaged}") from None
    except OSError as error:
        raise Damaged(f"{what} cannot be read: {error.strerror}") from None


# Lines.


def line(entry: manifest.Entry, head: manifest.Head) -> dict:
    found = {
        "path": shown(entry.path),
        "type": entry.kind,
        "mode": f"{entry.mode:04o}",
        "uid": entry.uid,
        "gid": entry.gid,
        "user": head.users.get(entry.uid, ""),
        "group": head.groups.get(entry.gid, ""),
        "mtime": list(entry.mtime),
    }
    if shown(entry.path).encode() != entry.path:
        found["path_base64"] = base64.b64encode(entry.path).decode()
    if entry.kind == "file":
        found |= {"size": entry.size, "blake3": entry.content.hex(), "sparse": entry.sparse}
    if entry.kind == "symlink":
        found["target"] = shown(entry.target)
        if shown(entry.target).encode() != entry.target:
            found["target_base64"] = base64.b64encode(entry.target).decode()
    if "device" in entry.kind:
        found["device"] = entry.device
    if entry.xattrs:
        found["xattrs"] = [
            [shown(name), base64.b64encode(value).decode()] for name, value in entry.xattrs
        ]
    if entry.hard_link is not None:
        found["hard_link"] = f"{entry.hard_link:016x}"
    if isinstance(entry.stored, manifest.Member):
        found["stored"] = asdict(entry.stored)
    elif entry.stored:
        stored = entry.stored
        found["stored"] = {"odd": stored.odd, "size": stored.size, "md5": stored.md5.hex()}
    return found


# The command.


def opened(arguments) -> Crypt | None:
    """The crypt remote that the bucket is read through."""
    if not arguments.conf and not arguments.passwords:
        return None
    options = section_of(arguments.conf, arguments.section) if arguments.conf else {}
    if arguments.passwords:
        given = arguments.passwords.read_bytes().splitlines() + [b"", b""]
        return Crypt(given[0], given[1], options)
    given = [options.get(key, "") for key in ("password", "password2")]
    password, password2 = (reveal(value) if value else b"" for value in given)
    return Crypt(password, password2, options)


def run(arguments) -> int:
    bucket = Bucket(arguments.bucket, opened(arguments))
    if not arguments.tree:
        for names in bucket.trees():
            newest = bucket.generations(names)
            print(json.dumps({"tree": shown(b"/".join(names)), "generations": newest}))
        return 0
    snapshot = Snapshot(bucket, arguments.tree, arguments.generation)
    if snapshot.generation < snapshot.newest:
        warn(f"generation {snapshot.newest} is newer: objects of this one may be gone")
    head = snapshot.head
    print(
        json.dumps(
            {
                "tree": head.tree,
                "generation": head.generation,
                "format": head.format,
                "head": snapshot.id,
                "created": head.created,
                "host": head.host,
                "version": head.version,
                "shards": len(head.shards),
                "entries": head.counts[0],
                "files": head.counts[1],
                "bytes": head.counts[2],
            }
        )
    )
    writer = Writer(arguments.extract, head, arguments.privileged) if arguments.extract else None
    problems = 0
    for entry in snapshot.entries():
        print(json.dumps(line(entry, head)))
        try:
            one(snapshot, entry, writer, arguments.manifest_only)
        except (Damaged, OSError) as error:
            warn(f"{told(entry.path)}: {error.strerror if isinstance(error, OSError) else error}")
            problems += 1
    if writer:
        writer.finish()
        for what, count in writer.short.items():
            warn(f"not set: {count} {what}")
    if problems:
        warn(f"{problems} entries are not whole")
    return 1 if problems else 0


def one(
    snapshot: Snapshot, entry: manifest.Entry, writer: Writer | None, manifest_only: bool
) -> None:
    """Checks what the remote holds of an entry, and writes it."""
    pieces = snapshot.content(entry) if entry.stored else iter(())
    if entry.kind == "symlink" and not manifest_only:
        if b"".join(pieces) != entry.target:
            raise Damaged("its object is not its target")
    linked = writer and entry.hard_link in writer.links
    if entry.kind == "file" and (not writer or linked) and not manifest_only:
        for _ in pieces:
            pass
    if writer:
        writer.write(entry, pieces)


def warn(text: str) -> None:
    sys.stdout.flush()
    print(f"read_snapshot: {text}", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--bucket", type=Path, required=True, metavar="DIR", help="the directory of the bucket"
    )
    parser.add_argument(
        "--conf", type=Path, metavar="FILE", help="rclone-poof.conf, if the bucket is encrypted"
    )
    parser.add_argument("--section", help="the section of type crypt, if there are several")
    parser.add_argument(
        "--passwords",
        type=Path,
        metavar="FILE",
        help="password and password2 in clear, a line each",
    )
    parser.add_argument(
        "--tree", metavar="NAME", help="the tree to read; without it the trees are named"
    )
    parser.add_argument(
        "--generation", type=int, metavar="N", help="another generation than the newest"
    )
    parser.add_argument(
        "--manifest-only", action="store_true", help="check the manifest and read no object"
    )
    parser.add_argument(
        "--extract", type=Path, metavar="DIR", help="write the tree to a new directory"
    )
    parser.add_argument(
        "--privileged",
        action="store_true",
        help="as root: owners, devices, setuid and all attributes, too",
    )
    arguments = parser.parse_args()
    if arguments.extract and arguments.manifest_only:
        parser.error("--extract reads the objects: leave --manifest-only out")
    try:
        return run(arguments)
    except Damaged as damaged:
        warn(str(damaged))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        warn(f"{error.filename or 'the bucket'}: {error.strerror}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
