"""Fields that few messages have, and the marks of a message that the broker has kept."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

RECEIPT_WORDS = ("stored", "settled")  #: what a sender can ask to be told about a message to a mailbox
WHOLE_MAX = 2**53 - 1  #: the largest number that every reader of JSON takes for a whole one


def read_rare(value: Mapping[str, Any], id_of: Callable[[Mapping[str, Any], str], Optional[str]]) -> Dict[str, Any]:
    """Those of the fields that make sense."""
    found: Dict[str, Any] = {
        "wait_ms": _whole(value.get("wait_ms")),
        "parent": id_of(value, "parent"),
        "ephemeral": True if value.get("ephemeral") is True else None,
        "receipt": _list(value.get("receipt"), lambda one: one in RECEIPT_WORDS),
        "accepts": _list(value.get("accepts"), lambda _: True),
        "traceparent": _text(value.get("traceparent")),
        "tracestate": _text(value.get("tracestate")),
    }
    return {key: one for key, one in found.items() if one is not None}


def is_ours(key: str, value: Any, rare: Mapping[str, Any]) -> bool:
    """True for a field that is read, left out, or null: it is not kept as one that nobody here knows."""
    if key in _LEFT_OUT or key in rare:
        return True
    return key in _KEPT and value is None


def read_marks(found: Any) -> Optional[Mapping[str, Any]]:
    """The marks in a payload that came from the broker; None if there are none that make sense."""
    if not isinstance(found, dict):
        return None
    texts, numbers = ("stored_at", "delivery_id", "epoch"), ("attempt", "room_seq")
    right = all(isinstance(found.get(key, "-"), str) for key in texts) and all(_whole(found.get(key, 1)) is not None for key in numbers)
    return dict(found) if right else None


_LEFT_OUT = frozenset({"wait_ms", "parent"})
_KEPT = frozenset({"receipt", "ephemeral", "accepts", "traceparent", "tracestate"})


def _whole(found: Any) -> Optional[int]:
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 1 <= found <= WHOLE_MAX or found != int(found):
        return None
    return int(found)


def _text(found: Any) -> Optional[str]:
    return found if isinstance(found, str) else None


def _list(found: Any, fits: Callable[[str], bool]) -> Optional[List[str]]:
    if not isinstance(found, list) or not all(isinstance(one, str) and fits(one) for one in found):
        return None
    return list(found)
