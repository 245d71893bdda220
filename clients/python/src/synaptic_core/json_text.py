"""JSON as every SDK reads and writes it: numbers are doubles where texts are made of them, and nesting has a bound."""
from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any, Optional, Set, Union

#: Deepest nesting of JSON that is read and written (protocols §3.17).
DEPTH_MAX = 64
#: No double has more digits before its point; Python reads very long integers slowly, or not at all.
_DIGITS_MAX = 309
#: A text without its end goes to the end of all: else it would be looked for once more from each quote in it.
_MARKS = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


def is_nested_deeper(text: str, levels: int = DEPTH_MAX) -> bool:
    """True for a JSON text with more than `levels` levels."""
    if text.count("[") + text.count("{") <= levels:
        return False
    depth = 0
    for found in _MARKS.finditer(text):
        mark = found.group()
        if mark in ("[", "{"):
            depth += 1
            if depth > levels:
                return True
        elif mark in ("]", "}"):
            depth -= 1
    return False


def no_json_number(value: Any) -> Optional[str]:
    """Where NaN or an infinity is in what JSON is to be made of: `content.data.prices.1 is NaN`. None if there is none."""
    seen: Set[int] = set()
    waiting = [("", value)]
    while waiting:
        path, one = waiting.pop()
        if isinstance(one, float) and not math.isfinite(one):
            return f"{path} is {'NaN' if math.isnan(one) else 'Infinity' if one > 0 else '-Infinity'}"
        if not isinstance(one, (dict, list, tuple)) or id(one) in seen:
            continue
        seen.add(id(one))
        inner = one.items() if isinstance(one, dict) else enumerate(one)
        waiting.extend(reversed([(f"{path}.{key}" if path else str(key), each) for key, each in inner]))
    return None


def integer(written: str) -> Union[int, float]:
    """An integer of JSON; infinity for one that no double holds."""
    return int(written) if len(written) <= _DIGITS_MAX else float(written)


def number_text(number: Union[int, float]) -> str:
    """A number as JavaScript writes it: the shortest digits that are the same double. 'null' for what is no number of JSON."""
    try:
        value = float(number)
    except OverflowError:
        return "null"
    if not math.isfinite(value):
        return "null"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    if value == 0:
        return "0"
    text = "".join(map(str, digits))
    count, point = len(text), len(text) + int(exponent)
    if count <= point <= 21:
        body = text + "0" * (point - count)
    elif 0 < point <= 21:
        body = f"{text[:point]}.{text[point:]}"
    elif -6 < point <= 0:
        body = "0." + "0" * -point + text
    else:
        body = f"{text[0]}{'.' if count > 1 else ''}{text[1:]}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return f"-{body}" if sign else body


def json_text(value: Any) -> str:
    """A value that came as JSON, as text again."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(key)}:{json_text(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return _quoted(value) if isinstance(value, str) else number_text(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
