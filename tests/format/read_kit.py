#!/usr/bin/env python3
"""Reads a recovery kit on paper without poof.

Written from docs/format.md alone. The file is a page of `poof kit --print`, or typed lines, each
alone in a row and with its number. Prints the JSON of the kit.
"""

import argparse
import base64
import hashlib
import hmac
import sys
from pathlib import Path

import zstandard
from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ALPHABET = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"
MEANT = str.maketrans("OI1B", "0LL8")
GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
BECH32M = 0x2BC830A3
LAST = 512
PIECE = (64 << 10) + 16
DICTIONARY = Path(__file__).parents[2] / "src/kit/dictionary.txt"


def check(symbols: list[int]) -> int:
    value = 1
    for symbol in symbols:
        top = value >> 25
        value = (value & 0x1FFFFFF) << 5 ^ symbol
        for at, term in enumerate(GENERATOR):
            value ^= term if top >> at & 1 else 0
    return value


def lines(text: str) -> bytes:
    """The content of all lines."""
    found, last, tags = {}, None, set()
    for row in text.splitlines():
        number, _, rest = row.strip().partition(" ")
        symbols = rest.upper().translate(MEANT).replace(" ", "")
        if not number.isdecimal() or len(symbols) != 56 or set(symbols) - set(ALPHABET):
            continue
        values = [ALPHABET.index(symbol) for symbol in symbols]
        flags = [f for f in (0, LAST) if check([(int(number) | f) >> 5, int(number) & 31, *values]) == BECH32M]
        if not flags:
            sys.exit(f"line {number} is wrong")
        last = int(number) if flags == [LAST] else last
        bits = 0
        for value in values[2:50]:
            bits = bits << 5 | value
        found[int(number)] = bits.to_bytes(30, "big")
        tags.add(values[0] << 5 | values[1])
    missing = set(range(1, (last or max(found, default=0) + 1) + 1)) - set(found)
    if missing or len(tags) != 1:
        sys.exit(f"missing lines: {sorted(missing)}; kits: {len(tags)}")
    content = b"".join(found[number] for number in sorted(found))
    content = content[: 3 + int.from_bytes(content[1:3], "big")]
    if content[0] != 1 or int.from_bytes(blake3(content).digest()[:2], "big") >> 6 not in tags:
        sys.exit("these are no lines of one kit of this format")
    return content[3:]


def decrypted(short: bytes, phrase: str) -> bytes:
    """age-encryption.org/v1 with one scrypt recipient, from its short header."""
    salt, work, body, mac, payload = short[:16], short[16], short[17:49], short[49:81], short[81:]
    key = hashlib.scrypt(
        phrase.encode(), salt=b"age-encryption.org/v1/scrypt" + salt, n=1 << work, r=8, p=1,
        maxmem=2 << 29, dklen=32,
    )
    file_key = ChaCha20Poly1305(key).decrypt(bytes(12), body, None)
    plain = [base64.b64encode(part).rstrip(b"=") for part in (salt, body)]
    header = b"age-encryption.org/v1\n-> scrypt %s %d\n%s\n---" % (plain[0], work, plain[1])
    mac_key = HKDF(SHA256(), 32, None, b"header").derive(file_key)
    if not hmac.compare_digest(hmac.digest(mac_key, header, "sha256"), mac):
        sys.exit("the header was changed")
    stream = ChaCha20Poly1305(HKDF(SHA256(), 32, payload[:16], b"payload").derive(file_key))
    pieces = [payload[at : at + PIECE] for at in range(16, len(payload), PIECE)]
    nonce = lambda at: at.to_bytes(11, "big") + bytes([at == len(pieces) - 1])  # noqa: E731
    return b"".join(stream.decrypt(nonce(at), piece, None) for at, piece in enumerate(pieces))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--phrase-file", type=Path, required=True)
    args = parser.parse_args()
    phrase = " ".join(args.phrase_file.read_text().splitlines()[0].split())
    plain = decrypted(lines(args.file.read_text(errors="replace")), phrase)
    known = zstandard.ZstdCompressionDict(
        DICTIONARY.read_bytes(), dict_type=zstandard.DICT_TYPE_RAWCONTENT
    )
    reader = zstandard.ZstdDecompressor(dict_data=known).decompress(plain, max_output_size=1 << 20)
    print(reader.decode())


main()
