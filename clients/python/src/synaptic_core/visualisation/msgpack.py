"""MessagePack of JSON values alone, as a stranger wrote it: what is announced is compared with what is there first."""
from __future__ import annotations

import math
import struct
from typing import Any, Dict, List

DEPTH_MAX = 64
_SAFE = 2**53 - 1


class BinaryProblem(ValueError):
    """Bytes that are no frame; the text says what is wrong."""


def unpack_map(data: memoryview) -> Dict[str, Any]:
    """Raises BinaryProblem: no map, not whole, more than one value, too deep, or a value that JSON has no word for."""
    reading = _Reading(data)
    value = reading.value(0)
    if not isinstance(value, dict):
        raise BinaryProblem("MessagePack: it is no map")
    if reading.at < len(data):
        raise BinaryProblem("MessagePack: something follows the map")
    return value


class _Reading:
    def __init__(self, data: memoryview) -> None:
        self._data = data
        self.at = 0

    def value(self, depth: int) -> Any:
        byte = self._uint(1)
        if byte < 0x80:
            return byte
        if byte < 0x90:
            return self._map(byte & 0x0F, depth + 1)
        if byte < 0xA0:
            return self._list(byte & 0x0F, depth + 1)
        if byte < 0xC0:
            return self._text(byte & 0x1F)
        if byte >= 0xE0:
            return byte - 0x100
        if byte in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[byte]
        if byte in (0xCA, 0xCB):
            return _finite(struct.unpack(">f" if byte == 0xCA else ">d", self._take(4 if byte == 0xCA else 8))[0])
        if 0xCC <= byte <= 0xCF:
            return _safe(self._uint(1 << (byte - 0xCC)))
        if 0xD0 <= byte <= 0xD3:
            return _safe(int.from_bytes(self._take(1 << (byte - 0xD0)), "big", signed=True))
        if 0xD9 <= byte <= 0xDB:
            return self._text(self._uint(1 << (byte - 0xD9)))
        if byte in (0xDC, 0xDD):
            return self._list(self._uint(2 << (byte - 0xDC)), depth + 1)
        if byte in (0xDE, 0xDF):
            return self._map(self._uint(2 << (byte - 0xDE)), depth + 1)
        raise BinaryProblem("MessagePack: only values of JSON are known, no bytes and no extensions")

    def _list(self, count: int, depth: int) -> List[Any]:
        self._must_hold(count, depth)
        return [self.value(depth) for _ in range(count)]

    def _map(self, count: int, depth: int) -> Dict[str, Any]:
        self._must_hold(2 * count, depth)
        found: Dict[str, Any] = {}
        for _ in range(count):
            key = self._key()
            if key in found:
                raise BinaryProblem("MessagePack: a key stands twice in a map")
            found[key] = self.value(depth)
        return found

    def _key(self) -> str:
        byte = self._uint(1)
        if 0xA0 <= byte < 0xC0:
            return self._text(byte & 0x1F)
        if 0xD9 <= byte <= 0xDB:
            return self._text(self._uint(1 << (byte - 0xD9)))
        raise BinaryProblem("MessagePack: a key is no text")

    def _text(self, size: int) -> str:
        try:
            return str(self._take(size), "utf-8")
        except UnicodeDecodeError:
            raise BinaryProblem("MessagePack: a text is not UTF-8") from None

    def _must_hold(self, count: int, depth: int) -> None:
        """A value has one byte at least: a count that is larger than what is left is a lie."""
        if depth > DEPTH_MAX:
            raise BinaryProblem(f"MessagePack: it is nested deeper than {DEPTH_MAX} levels")
        if count > len(self._data) - self.at:
            raise _ends_early()

    def _uint(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big")

    def _take(self, size: int) -> memoryview:
        if size > len(self._data) - self.at:
            raise _ends_early()
        self.at += size
        return self._data[self.at - size:self.at]


def _ends_early() -> BinaryProblem:
    return BinaryProblem("MessagePack: it ends early, or its lengths lie")


def _finite(value: float) -> float:
    if math.isfinite(value):
        return value
    raise BinaryProblem("MessagePack: NaN and infinities are no values of JSON")


def _safe(value: int) -> int:
    if -_SAFE <= value <= _SAFE:
        return value
    raise BinaryProblem("MessagePack: an integer beyond 2^53; write it as a text")
