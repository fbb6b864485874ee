# requirements:

"""Streams of a compound file, in which old Office programs keep a document ([MS-CFB]): read, and
written over with content of the same length.
"""

import struct
from typing import NamedTuple

SIGNATURE = bytes.fromhex("d0cf11e0a1b11ae1")
HEADER = 512
LAST = 0xFFFFFFFA  # a greater number of a sector is none
SMALL_SECTOR = 64
STREAM, ROOT = 2, 5


class Stream(NamedTuple):
    """Where the content of a stream is: `pieces` of the file, each a start and a length in bytes,
    and the stream's own length.
    """

    pieces: list[tuple[int, int]]
    length: int


def find_stream(data: bytes, names: tuple[str, ...]) -> Stream | None:
    """Return the first stream with one of the names; None when the file has none or is no compound
    file.
    """
    if not data.startswith(SIGNATURE) or len(data) < HEADER:
        return None
    try:
        return _File(data).find(names)
    except (struct.error, IndexError, OverflowError):
        return None


def read(data: bytes, stream: Stream) -> bytes:
    """Return the content of a stream."""
    return b"".join(data[at : at + size] for at, size in stream.pieces)[: stream.length]


def write(data: bytes, stream: Stream, content: bytes) -> bytes:
    """Return the file with other content, of the same length, in a stream."""
    out, done = bytearray(data), 0
    for at, size in stream.pieces:
        part = content[done : done + min(size, len(data) - at)]
        out[at : at + len(part)] = part
        done += len(part)
    return bytes(out)


class _File:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = 1 << min(struct.unpack_from("<H", data, 30)[0], 20)
        self.small_below = struct.unpack_from("<I", data, 56)[0]
        self.next = self._table(self._sectors_of_table())
        entries = self._content(struct.unpack_from("<I", data, 48)[0])
        self.entries = [entries[at : at + 128] for at in range(0, len(entries) - 127, 128)]

    def find(self, names: tuple[str, ...]) -> Stream | None:
        root = next((entry for entry in self.entries if entry[66] == ROOT), None)
        for entry in self.entries:
            name = entry[: max(0, struct.unpack_from("<H", entry, 64)[0] - 2)]
            if entry[66] == STREAM and name.decode("utf-16-le", "replace") in names:
                start, length = struct.unpack_from("<II", entry, 116)
                if length < self.small_below and root is not None:
                    return Stream(self._small_pieces(start, root), length)
                return Stream(self._pieces(start), length)
        return None

    def _sectors_of_table(self) -> list[int]:
        sectors = list(struct.unpack_from("<109I", self.data, 76))
        further, seen = struct.unpack_from("<I", self.data, 68)[0], set()
        while further < LAST and further not in seen:
            seen.add(further)
            at = self._start(further)
            numbers = struct.unpack_from(f"<{self.size // 4}I", self.data, at)
            sectors += numbers[:-1]
            further = numbers[-1]
        return [sector for sector in sectors if sector < LAST]

    def _table(self, sectors: list[int]) -> list[int]:
        content = b"".join(self.data[self._start(one) : self._start(one + 1)] for one in sectors)
        return [number for (number,) in struct.iter_unpack("<I", content[: len(content) // 4 * 4])]

    def _small_pieces(self, start: int, root: bytes) -> list[tuple[int, int]]:
        table = self._table(self._chain(struct.unpack_from("<I", self.data, 60)[0], self.next))
        home = self._chain(struct.unpack_from("<I", root, 116)[0], self.next)
        pieces = []
        for small in self._chain(start, table):
            sector, inside = divmod(small * SMALL_SECTOR, self.size)
            pieces.append((self._start(home[sector]) + inside, SMALL_SECTOR))
        return pieces

    def _pieces(self, start: int) -> list[tuple[int, int]]:
        return [(self._start(sector), self.size) for sector in self._chain(start, self.next)]

    def _content(self, start: int) -> bytes:
        return b"".join(self.data[at : at + size] for at, size in self._pieces(start))

    def _chain(self, start: int, table: list[int]) -> list[int]:
        chain, seen = [], set()
        while start < len(table) and start not in seen:
            seen.add(start)
            chain.append(start)
            start = table[start]
        return chain

    def _start(self, sector: int) -> int:
        return HEADER + sector * self.size if self.size == HEADER else (sector + 1) * self.size
