"""rclone's crypt, as far as a reader needs it: docs/format.md, "Encryption"."""

import base64
import configparser
import datetime
import hashlib
import re
from pathlib import Path

import nacl.bindings
import nacl.exceptions
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from errors import Damaged

OBSCURE = bytes.fromhex("9c935b48730a554d6bfd7c63c886a92bd390198eb8128afbf4de162b8b95f638")
SALT = bytes.fromhex("a80df43a8fbd0308a7cab83e581f86b1")
MAGIC = b"RCLONE\0\0"
HEADER = 32
TAG = 16
BLOCK = 65_536
VERSION = re.compile(rb"-v(\d{4})-(\d{2})-(\d{2})-(\d{2})(\d{2})(\d{2})-\d{3}\Z")


def reveal(value: str) -> bytes:
    """A password of rclone's configuration, in clear."""
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Damaged("a password in the configuration is not obscured as rclone does it") from None
    if len(raw) < 16:
        raise Damaged("a password in the configuration is not obscured as rclone does it")
    stream = Cipher(algorithms.AES(OBSCURE), modes.CTR(raw[:16])).decryptor()
    return stream.update(raw[16:])


def section_of(path: Path, name: str | None) -> dict[str, str]:
    """The section of a crypt remote in a configuration file of rclone."""
    text = path.read_text("utf-8")
    if "RCLONE_ENCRYPT_V0:" in text:
        raise Damaged(f"{path} is encrypted: `rclone config encryption remove` decrypts it")
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        # Its words may quote a line, and that may be a secret.
        raise Damaged(f"{path} is no configuration of rclone: {type(error).__name__}") from None
    sections = {title: dict(parser.items(title)) for title in parser.sections()}
    crypts = [title for title, keys in sections.items() if keys.get("type") == "crypt"]
    if name is None and len(crypts) != 1:
        found = ", ".join(crypts) or "none"
        raise Damaged(f"{path} has these sections of type crypt: {found}; name one with --section")
    name = name or crypts[0]
    if name not in crypts:
        raise Damaged(f"{path} has no section [{name}] of type crypt")
    return sections[name]


class Crypt:
    """The keys of a crypt remote, and what they encrypt."""

    def __init__(self, password: bytes, password2: bytes, options: dict[str, str]):
        self.passwords = (password, password2)
        self.mode = options.get("filename_encryption", "standard")
        self.directories = options.get("directory_name_encryption", "true") != "false"
        self.encoding = options.get("filename_encoding", "base32")
        suffix = options.get("suffix", ".bin")
        self.suffix = b"" if suffix == "none" else suffix.encode()
        self.contents = options.get("no_data_encryption", "false") != "true"
        if self.mode not in ("standard", "off") or self.encoding not in ("base32", "base64"):
            what = f"filename_encryption = {self.mode}, filename_encoding = {self.encoding}"
            raise Damaged(f"this reader does not know {what}: decrypt the bucket with rclone")
        keys = bytes(80)
        if password:
            salt = password2 or SALT
            keys = hashlib.scrypt(password, salt=salt, n=16384, r=8, p=1, dklen=80)
        self.data_key, self.name_key, self.tweak = keys[:32], keys[32:64], keys[64:]
        blocks = Cipher(algorithms.AES(self.name_key), modes.ECB())
        self.encrypt_blocks, self.decrypt_blocks = blocks.encryptor(), blocks.decryptor()

    def name(self, names: list[bytes]) -> list[bytes]:
        """The names of the path of an object, encrypted."""
        *above, last = names
        if self.mode == "off":
            return [*above, last + self.suffix]
        if self.directories:
            above = [self.encrypted(name) for name in above]
        return [*above, self.encrypted_last(last)]

    def directory(self, names: list[bytes]) -> list[bytes]:
        """The names of the path of a directory, encrypted."""
        if self.mode == "off" or not self.directories:
            return names
        return [self.encrypted(name) for name in names]

    def clear(self, name: bytes, is_directory: bool) -> bytes | None:
        """A name in clear; None for one that does not decrypt."""
        if self.mode == "off":
            if is_directory:
                return name
            return name.removesuffix(self.suffix) if name.endswith(self.suffix) else None
        if is_directory and not self.directories:
            return name
        try:
            if self.encoding == "base32":
                text = name.decode("ascii").upper()
                raw = base64.b32hexdecode(text + "=" * (-len(text) % 8))
            else:
                raw = base64.b64decode(
                    name + b"=" * (-len(name) % 4), altchars=b"-_", validate=True
                )
        except ValueError:
            return None
        if not raw or len(raw) % 16 or len(raw) > 2048:
            return None
        padded = self.eme(raw, self.decrypt_blocks)
        count = padded[-1]
        if not 1 <= count <= 16 or padded[-count:] != bytes([count]) * count:
            return None
        return padded[:-count]

    def encrypted_last(self, name: bytes) -> bytes:
        """The last name of the path of an object: what reads like a version stays in clear."""
        at = name.rfind(b".")
        base, extension = (name[:at], name[at:]) if at > 0 else (name, b"")
        found = VERSION.search(base)
        if not found:
            return self.encrypted(name)
        try:
            datetime.datetime(*(int(number) for number in found.groups()))
        except ValueError:
            return self.encrypted(name)
        rest = base[: found.start()] + extension
        return self.encrypted(rest) + found.group()

    def encrypted(self, name: bytes) -> bytes:
        if not name:
            return b""
        count = 16 - len(name) % 16
        raw = self.eme(name + bytes([count]) * count, self.encrypt_blocks)
        if self.encoding == "base32":
            return base64.b32hexencode(raw).rstrip(b"=").lower()
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    def eme(self, text: bytes, blocks) -> bytes:
        """EME, in the direction of `blocks`."""
        count = len(text) // 16
        masks, mask = [], int.from_bytes(self.encrypt_blocks.update(bytes(16)), "little")
        for _ in range(count):
            mask = doubled(mask)
            masks.append(mask)

        def transformed(block: int) -> int:
            return int.from_bytes(blocks.update(block.to_bytes(16, "little")), "little")

        def block(number: int) -> int:
            return int.from_bytes(text[16 * number : 16 * number + 16], "little")

        tweak = int.from_bytes(self.tweak, "little")
        first = [transformed(block(number) ^ masks[number]) for number in range(count)]
        mixed = tweak
        for value in first:
            mixed ^= value
        middle = transformed(mixed)
        step, second = mixed ^ middle, [0] * count
        second[0] = middle ^ tweak
        for number in range(1, count):
            step = doubled(step)
            second[number] = first[number] ^ step
            second[0] ^= second[number]
        last = (transformed(second[number]) ^ masks[number] for number in range(count))
        return b"".join(value.to_bytes(16, "little") for value in last)

    def size(self, size: int) -> int:
        """How large the object of a content is."""
        return HEADER + size + TAG * (-(-size // BLOCK)) if self.contents else size

    def pieces(self, read):
        """The content of an object in pieces. `read(n)` gives n bytes of it, fewer at its end."""
        header = read(HEADER)
        if len(header) < HEADER or not header.startswith(MAGIC):
            raise Damaged("it is no object of crypt")
        nonce = int.from_bytes(header[8:], "little")
        while block := read(TAG + BLOCK):
            number = nonce.to_bytes(24, "little")
            try:
                yield nacl.bindings.crypto_secretbox_open_easy(block, number, self.data_key)
            except (nacl.exceptions.CryptoError, ValueError):
                raise Damaged(
                    "a block does not open: it was changed, or the passwords are others"
                ) from None
            nonce = (nonce + 1) % (1 << 192)


def doubled(block: int) -> int:
    """A block of 16 bytes, little-endian, times two."""
    block <<= 1
    return (block & ((1 << 128) - 1)) ^ 0x87 if block >> 128 else block
