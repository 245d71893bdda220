"""Canonical JSON (RFC 8785), and base64 and JSON as the network reads them."""
from __future__ import annotations

import base64
import binascii
import json
from typing import Any, List, Optional

from ..json_text import DEPTH_MAX, integer, is_nested_deeper, number_text


def canonical(value: Any) -> str:
    """
    One text for one value: keys sorted by their UTF-16 units, numbers as JavaScript writes doubles, no white space.
    Raises ValueError for what JSON does not hold: NaN, infinities, halves of characters, other types, more than 64 levels.
    """
    pieces: List[str] = []
    _write(value, pieces, 0)
    return "".join(pieces)


def canonical_bytes(value: Any) -> bytes:
    return canonical(value).encode("utf-8")


def read_json(text: str) -> Any:
    """A value of JSON whose numbers are doubles, as every other reader sees them. Raises ValueError."""
    if is_nested_deeper(text):
        raise ValueError(f"it is nested more than {DEPTH_MAX} levels deep")
    return json.loads(text, parse_int=_double, parse_constant=_no_number)


def to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def from_base64(text: Any, length: Optional[int] = None) -> Optional[bytes]:
    """Bytes of base64 with padding, and of nothing else (Agent Network §10); None for any other value, or another length."""
    if not isinstance(text, str):
        return None
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return None
    is_strict = to_base64(data) == text  # no stray bits behind the last byte, no second padding
    return data if is_strict and (length is None or len(data) == length) else None


def _write(value: Any, pieces: List[str], depth: int) -> None:
    if depth == DEPTH_MAX and isinstance(value, (dict, list, tuple)):
        raise ValueError(f"it is nested more than {DEPTH_MAX} levels deep: make it flatter")
    if isinstance(value, str):
        pieces.append(_quoted(value))
    elif value is None or isinstance(value, bool):
        pieces.append({True: "true", False: "false", None: "null"}[value])
    elif isinstance(value, (int, float)):
        pieces.append(_number(value))
    elif isinstance(value, dict):
        _write_object(value, pieces, depth)
    elif isinstance(value, (list, tuple)):
        for at, one in enumerate(value):
            pieces.append("," if at else "[")
            _write(one, pieces, depth + 1)
        pieces.append("]" if value else "[]")
    else:
        raise ValueError(f"JSON holds no {type(value).__name__}: give texts, numbers, true, false, None, lists and dicts")


def _write_object(value: Any, pieces: List[str], depth: int) -> None:
    if not all(isinstance(key, str) for key in value):
        raise ValueError("the keys of a JSON object are texts")
    pieces.append("{")
    for at, key in enumerate(sorted(value, key=_utf16)):
        pieces.append(("," if at else "") + _quoted(key) + ":")
        _write(value[key], pieces, depth + 1)
    pieces.append("}")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _quoted(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a text holds half of a character, which JSON does not") from None
    return json.dumps(text, ensure_ascii=False)


def _number(value: Any) -> str:
    if isinstance(value, int) and (value.bit_length() > 1023 or float(value) != value):
        shown = value if value.bit_length() <= 80 else "an integer that long"
        raise ValueError(f"{shown} is no number that JSON's readers hold: give it as text")
    text = number_text(value)
    if text == "null":
        raise ValueError(f"{value} is no number of JSON")
    return text


def _double(written: str) -> Any:
    found = integer(written)
    return found if abs(found) <= 2**53 else float(found)


def _no_number(written: str) -> Any:
    raise ValueError(f"{written} is no number of JSON")
