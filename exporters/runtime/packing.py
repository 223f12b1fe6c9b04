"""gzip of an exposition, block by block, so that what did not change is not compressed again.

Compression is half the cost of a scrape. A large piece is compressed between two full flushes, which makes its deflate
blocks independent of what stands before it (RFC 1951; zlib manual, Z_FULL_FLUSH): they can be kept and sent again as
they are. The checksum is of the whole body, so a reader checks what it always checks.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from struct import pack

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
_WORTH_KEEPING = 2048


class Packer:
    """Packs the pieces of successive expositions. For one thread."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[bytes, bytes]] = {}

    def gzip(self, pieces: Iterable[bytes]) -> bytes:
        """The gzip (level 1) of the joined pieces."""
        old, new = self._kept, {}
        deflate = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        out = [_HEADER]
        crc = size = 0
        open_block = False
        for piece in pieces:
            crc = zlib.crc32(piece, crc)
            size += len(piece)
            if len(piece) < _WORTH_KEEPING:
                out.append(deflate.compress(piece))
                open_block = True
                continue
            if open_block:
                out.append(deflate.flush(zlib.Z_FULL_FLUSH))
                open_block = False
            # Keyed by identity: a block that did not change is the same object, which the entry keeps alive.
            known = old.get(id(piece))
            if known is None or known[0] is not piece:
                known = (piece, deflate.compress(piece) + deflate.flush(zlib.Z_FULL_FLUSH))
            new[id(piece)] = known
            out.append(known[1])
        self._kept = new
        out.append(deflate.flush())
        out.append(pack("<II", crc, size & 0xFFFFFFFF))
        return b"".join(out)
