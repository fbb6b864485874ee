# requirements:

"""Packed archives that are damaged: which of their files can still be unpacked, and how far."""

import io
import struct
import zipfile
import zlib
from typing import NamedTuple

from f.millrace.ingest import parsed_document

BEGIN = b"PK\x03\x04"
HEADER = struct.Struct("<4s5H3I2H")  # of a file in an archive: APPNOTE.TXT 4.3.7
ENCRYPTED, UTF8 = 0x1, 0x800
STORED, DEFLATED = 0, 8
PIECE = 65_536
# What zipfile raises on files that are none, or broken inside.
FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


class Entry(NamedTuple):
    """A file of an archive, as far as it could be unpacked."""

    content: bytes
    is_whole: bool


class _Header(NamedTuple):
    name: str
    flags: int
    method: int
    crc: int
    packed: int  # 0 where the writer did not know it yet
    start: int


def is_archive(data: bytes) -> bool:
    """Tell whether the data begins like a packed archive."""
    return data.startswith(BEGIN)


def has_directory(data: bytes) -> bool:
    """Tell whether the central directory of an archive, its list of files, can be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)):
            return True
    except FAULTS:
        return False


def read_entries(data: bytes, most_unpacked: int) -> dict[str, Entry]:
    """Return the files of an archive by name, whether or not its list of them is there."""
    found: dict[str, Entry] = {}
    left = most_unpacked
    place = data.find(BEGIN)
    while place >= 0:
        header = _header(data, place)
        after = place + len(BEGIN)
        if header is not None:
            entry, after = _unpack(data, header, left)
            left -= len(entry.content)
            if header.name not in found or entry.is_whole > found[header.name].is_whole:
                found[header.name] = entry
        place = data.find(BEGIN, after)
    return found


def _header(data: bytes, place: int) -> _Header | None:
    if place + HEADER.size > len(data):
        return None
    _, _, flags, method, _, _, crc, packed, _, length, extra = HEADER.unpack_from(data, place)
    if flags & ENCRYPTED:
        raise parsed_document.Unreadable("is encrypted; save it without a password")
    start = place + HEADER.size + length + extra
    raw = data[place + HEADER.size : place + HEADER.size + length]
    name = raw.decode("utf-8" if flags & UTF8 else "cp437", errors="replace")
    if not name or method not in (STORED, DEFLATED) or start > len(data):
        return None
    return _Header(name, flags, method, crc, packed, start)


def _unpack(data: bytes, header: _Header, most: int) -> tuple[Entry, int]:
    """Return a file, and where the next one may begin."""
    if header.method == STORED:
        end = header.start + header.packed
        if not header.packed:
            following = data.find(BEGIN, header.start)
            end = following if following >= 0 else len(data)
        content = data[header.start : end]
    else:
        content, end = _inflate(data, header.start, most)
    if len(content) > most:
        raise parsed_document.Unreadable(
            "unpacks to more than is read (setting document_max_bytes)"
        )
    # A writer that did not know the size did not know the checksum either.
    is_whole = (
        bool(end) and end <= len(data) and (header.crc == zlib.crc32(content) or not header.packed)
    )
    return Entry(content, is_whole), end if is_whole else header.start


def _inflate(data: bytes, start: int, most: int) -> tuple[bytes, int]:
    """Return what is packed from a place on, and where it ends; 0 when it breaks off."""
    packed, out = memoryview(data), bytearray()
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    place = start
    try:
        while not stream.eof and place < len(data) and len(out) <= most:
            piece = bytes(packed[place : place + PIECE])
            place += len(piece)
            out += stream.decompress(piece, most + 1 - len(out))
            while stream.unconsumed_tail and len(out) <= most:
                out += stream.decompress(stream.unconsumed_tail, most + 1 - len(out))
    except zlib.error:
        return bytes(out), 0
    return bytes(out), place - len(stream.unused_data) if stream.eof else 0
