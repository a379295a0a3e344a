"""The manifest of a tree: docs/format.md, "The manifest" and "Entries"."""

import hashlib
import hmac
from dataclasses import dataclass, field

import zstandard
from blake3 import blake3

from errors import Damaged

MAGIC = b"poof head\0"
LARGEST_HEAD = 16 << 20
LARGEST_SHARD = 32 << 20
LARGEST_UNPACKED = 18 << 20
LAST_BEGIN = 1 << 20
MOST_ENTRIES = 4096
MOST_ATTRIBUTES = 32_768
LARGEST_FILE = 1 << 60
LARGEST_MEMBER = 16 << 20
LAST_GENERATION = 9_999_999_999
STAGE = b".poof-restoring"

KINDS = ("file", "directory", "symlink", "fifo", "character device", "block device")


class Values:
    """Values of postcard in a row."""

    def __init__(self, data: bytes):
        self.data = data
        self.at = 0

    @property
    def ended(self) -> bool:
        return self.at == len(self.data)

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise Damaged("it is cut")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, bits: int = 64) -> int:
        value = 0
        for shift in range(0, bits, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >> bits:
                    break
                return value
        raise Damaged("a number is too large")

    def signed(self) -> int:
        value = self.number()
        return -(value + 1 >> 1) if value & 1 else value >> 1

    def yes(self) -> bool:
        byte = self.take(1)[0]
        if byte > 1:
            raise Damaged("a value is neither yes nor no")
        return byte == 1

    def octets(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        try:
            return self.octets().decode("utf-8")
        except UnicodeDecodeError:
            raise Damaged("a text is no UTF-8") from None

    def row(self, one, most: int | None = None) -> list:
        count = self.number()
        if most is not None and count > most:
            raise Damaged("a list is too long")
        # Each element has a byte at least.
        if count > len(self.data) - self.at:
            raise Damaged("it is cut")
        return [one() for _ in range(count)]

    def option(self, one):
        return one() if self.yes() else None

    def variant(self, count: int) -> int:
        value = self.number(32)
        if value >= count:
            raise Damaged("a variant is not known")
        return value


class Seals:
    """The keys of the seals of a store."""

    def __init__(self, crypt, store_id: str):
        self.encrypted = crypt is not None
        self.store = blake3(store_id.encode()).digest()[:16]
        old, new = b"", b""
        if crypt:
            mac = hmac.new(b"poof: records of a crypt remote, 2", digestmod=hashlib.sha256)
            for part in (crypt.data_key, crypt.name_key, crypt.tweak):
                mac.update(part)
            new = mac.digest()
            mac = hmac.new(b"poof: records of a crypt remote, 1", digestmod=hashlib.sha256)
            for password in crypt.passwords:
                mac.update(b"%d:" % len(password) + password)
            old = mac.digest()
        self.old = derived("poof 2026-11-24 manifest seal", old)
        self.new = derived("poof 2026-11-28 manifest seal, stretched", new) if crypt else None

    def head(self, version: int) -> bytes:
        return self.new if version in (3, 5) else self.old

    def shards(self) -> list[bytes]:
        return [key for key in (self.new, self.old) if key]


def derived(context: str, secret: bytes) -> bytes:
    return blake3(secret, derive_key_context=context).digest()


@dataclass
class Head:
    format: int
    tree: str
    generation: int
    parent: tuple[int, bytes] | None
    created: int
    host: str
    version: str
    counts: tuple[int, int, int]
    users: dict[int, str]
    groups: dict[int, str]
    shards: list[tuple[bytes, int]]
    bundles: dict[int, "Stored"] = field(default_factory=dict)


def open_head(data: bytes, seals: Seals, tree: str, generation: int) -> Head:
    """A head that is what it should be."""
    if not data.startswith(MAGIC) or len(data) <= len(MAGIC):
        raise Damaged("it is no head")
    version = data[len(MAGIC)]
    if version > 5:
        raise Damaged(f"its format {version} is newer than this reader")
    if version == 0 or len(data) < len(MAGIC) + 1 + 32:
        raise Damaged("it is no head, or it is cut")
    sealed, seal = data[:-32], data[-32:]
    if version in (3, 5) and not seals.encrypted:
        raise Damaged(f"its format {version} is that of an encrypted remote: give --conf")
    if version == 4 and seals.encrypted:
        raise Damaged("its format 4 is that of a remote in clear")
    if not hmac.compare_digest(blake3(sealed, key=seals.head(version)).digest(), seal):
        raise Damaged("its seal is wrong: it was changed, or made with other passwords")
    values = Values(sealed)
    values.take(len(MAGIC) + 1)
    head = Head(
        format=version,
        tree=values.text(),
        generation=values.number(),
        parent=values.option(lambda: (values.number(), values.take(32))),
        created=values.number(),
        host=values.text(),
        version=values.text(),
        counts=(values.number(), values.number(), values.number()),
        users=dict(values.row(lambda: (values.number(32), values.text()))),
        groups=dict(values.row(lambda: (values.number(32), values.text()))),
        shards=values.row(lambda: (values.take(32), values.number(32))),
    )
    if version >= 2:
        values.take(16)
    if version in (3, 5) and values.take(16) != seals.store:
        raise Damaged("it belongs to another store with the same passwords")
    if version in (4, 5):
        last = values.number()
        bundles = values.row(lambda: bundle(values))
        numbers = [number for number, _ in bundles]
        if numbers != sorted(set(numbers)) or not max(numbers, default=0) <= last <= LAST_GENERATION:
            raise Damaged("bundles that cannot be")
        head.bundles = dict(bundles)
    if not values.ended:
        raise Damaged("it goes on after its end")
    if (head.tree, head.generation) != (tree, generation) or generation > LAST_GENERATION:
        raise Damaged(f"it is that of {head.tree!r}, generation {head.generation}")
    if any(not 1 <= count <= MOST_ENTRIES for _, count in head.shards):
        raise Damaged("a shard has a number of entries that cannot be")
    if sum(count for _, count in head.shards) != head.counts[0]:
        raise Damaged("its shards do not hold what it counts")
    if len({shard for shard, _ in head.shards}) != len(head.shards):
        raise Damaged("it names a shard twice")
    return head


@dataclass
class Member:
    """A content in a bundle."""

    bundle: int
    offset: int
    size: int
    deflated: bool


@dataclass
class Stored:
    odd: bool
    size: int
    md5: bytes
    tag: str | tuple[int, int] | None  # None: the MD5
    nonce: bytes | None

    @property
    def md5_is_of_the_whole(self) -> bool:
        return not isinstance(self.tag, str) or ":" in self.tag


@dataclass
class Entry:
    path: bytes
    kind: str
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime: tuple[int, int] = (0, 0)
    xattrs: list[tuple[bytes, bytes]] = field(default_factory=list)
    hard_link: int | None = None
    stored: Stored | Member | None = None
    size: int = 0
    content: bytes | None = None
    sparse: bool = False
    target: bytes = b""
    device: int = 0

    @property
    def names(self) -> list[bytes]:
        return self.path.split(b"/") if self.path else []


def time(values: Values) -> tuple[int, int]:
    seconds, nanos = values.signed(), values.number(32)
    if nanos >= 1_000_000_000:
        raise Damaged("a time that cannot be")
    return seconds, nanos


def stored(values: Values) -> Stored | Member:
    kind = values.variant(3)
    if kind == 2:
        return Member(values.number(), values.number(), values.number(), values.yes())
    size, md5 = values.number(), values.take(16)
    tag = (lambda: None, values.text, lambda: time(values))[values.variant(3)]()
    return Stored(kind == 1, size, md5, tag, values.option(lambda: values.take(24)))


def bundle(values: Values) -> tuple[int, Stored]:
    number, found = values.number(), stored(values)
    if not isinstance(found, Stored) or found.odd:
        raise Damaged("a bundle that cannot be")
    values.option(values.number)
    return number, found


def entry(values: Values) -> Entry:
    path = values.octets()
    found = Entry(path, KINDS[values.variant(len(KINDS))])
    match found.kind:
        case "file":
            found.size = values.number()
            found.content = values.option(lambda: values.take(32))
            found.sparse = values.yes()
        case "symlink":
            found.target = values.octets()
        case "character device" | "block device":
            found.device = values.number()
    found.mode, found.uid, found.gid = values.number(32), values.number(32), values.number(32)
    found.mtime = time(values)
    found.xattrs = values.row(lambda: (values.octets(), values.octets()), MOST_ATTRIBUTES)
    found.hard_link = values.option(values.number)
    found.stored = values.option(lambda: stored(values))
    values.option(lambda: (values.number(), values.number(), time(values)))
    check(found)
    return found


def check(found: Entry) -> None:
    """Nothing in an entry may lead out of the tree or be what no file has."""
    bad = (b"", b".", b"..")
    if any(name in bad or b"\0" in name for name in found.names) or found.names[:1] == [STAGE]:
        raise Damaged("a path that cannot be")
    if not found.path and found.kind != "directory":
        raise Damaged("a root that is no directory")
    if found.mode > 0o7777:
        raise Damaged("a mode that cannot be")
    if max(found.size, found.stored.size if found.stored else 0) > LARGEST_FILE:
        raise Damaged("a size that cannot be")
    if isinstance(found.stored, Member) and found.size > LARGEST_MEMBER:
        raise Damaged("a member of a bundle that is too large")
    if any(not name for name, _ in found.xattrs):
        raise Damaged("an attribute without a name")
    holds = found.kind in ("file", "symlink")
    if holds != (found.stored is not None) or found.kind == "file" and not found.content:
        raise Damaged("an entry without what is stored of it, or with too much")


def order(path: bytes) -> bytes | list[int]:
    return [0 if byte == 0x2F else byte + 1 for byte in path]


def open_shard(data: bytes, shard: bytes, seals: Seals) -> list[Entry]:
    """The entries of a shard that is what its id says."""
    if not any(blake3(data, key=key).digest() == shard for key in seals.shards()):
        raise Damaged("it was changed, or made with other passwords")
    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 25)
    try:
        with unpacker.stream_reader(data) as stream:
            raw = stream.read(LARGEST_UNPACKED + 1)
    except zstandard.ZstdError as error:
        raise Damaged(f"it does not unpack: {error}") from None
    if len(raw) > LARGEST_UNPACKED:
        raise Damaged("it is too large")
    values, entries = Values(raw), []
    while not values.ended:
        if values.at >= LAST_BEGIN or len(entries) >= MOST_ENTRIES:
            raise Damaged("it goes on where it should have ended")
        entries.append(entry(values))
    return entries
