"""A payload as it arrived, read leniently: only `from` and `type` must be right, and what makes no sense elsewhere is left out (protocols §3.18)."""
from __future__ import annotations

import json
import re
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Mapping, NoReturn, Optional, Tuple, Type

from .envelope import ID_MAX, Inform, Message, Request, Response
from .fault import Fault
from .json_text import DEPTH_MAX, integer, is_nested_deeper, json_text, number_text
from .names import BROKER, EVERYONE
from .rare import is_ours, read_marks, read_rare
from .surrogates import repair

_KINDS: Mapping[str, Type[Message]] = {"request": Request, "response": Response, "inform": Inform}
TRUSTS = ("claimed", "shared", "proved")
_PRIORITIES = {"LOW": "LOW", "NORMAL": "NORMAL", "HIGH": "HIGH", "CRITICAL": "HIGH"}
_KNOWN = frozenset({
    "message_id", "timestamp", "from", "to", "type", "priority", "content", "in_reply_to", "conversation_id",
    "expires_at", "from_name", "hops", "trust", "received_at", "replay",
})
_BROKERS = frozenset({"trust", "received_at", "replay", "$broker"})  #: in any case, only the broker writes them
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]((?:[01][0-9]|2[0-3]):[0-5][0-9])(?:(:[0-5][0-9])(\.[0-9]+)?)?(?:([zZ])|([+-](?:[01][0-9]|2[0-3])):?([0-5][0-9]))")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_NAME_MAX = 128
_ANSWER_LEVELS = 5  # so many levels the broker's answers put around messages that they list: each may be as deep as any other


def read_payload(payload: bytes, name: str, topic: Optional[str] = None) -> Message:
    """
    What arrived at the agent `name` under `topic`, its own name if not told: that is the addressee, whatever the payload says. Broadcasts and the
    past of rooms come under the agent's own name. `trust`, `replay` and `$broker` are the broker's word: it takes them out of what claimed agents send, so that a message
    without `trust` is of one of those. Raises Fault malformed.
    """
    try:
        text = repair(payload.decode(errors="replace"))
        is_deep = is_nested_deeper(text)  # before it is parsed: what comes as bytes has not been counted by the broker
        if is_deep and is_nested_deeper(text, DEPTH_MAX + _ANSWER_LEVELS):
            raise _too_deep()
        value = json.loads(text, parse_constant=_no_json, parse_int=integer)
    except (ValueError, RecursionError) as error:
        raise Fault("malformed", f"the payload is no JSON: {error}") from error
    fields = value if isinstance(value, dict) else {}
    if is_deep and fields.get("from") != BROKER:
        raise _too_deep()
    to, trust = fields.get("to"), fields.get("trust")
    heard_at, replay = name if topic is None else topic, fields.get("replay") is True
    is_elsewhere = heard_at == name and isinstance(to, str) and (replay or to == EVERYONE)
    return read_envelope(
        value,
        topic=to if is_elsewhere else heard_at,
        received_at=datetime.now(timezone.utc),
        fallback_id=str(uuid.uuid4()),
        trust=trust if trust in TRUSTS else "claimed",
        replay=replay,
        marks=read_marks(fields.get("$broker")),
    )


def read_envelope(
    value: Any, *, topic: str, received_at: datetime, fallback_id: str, trust: str = "claimed", replay: bool = False, marks: Optional[Mapping[str, Any]] = None
) -> Message:
    """A foreign agent's JSON as a message to `topic`. Raises Fault malformed, which names the field."""
    if not isinstance(value, dict):
        raise Fault("malformed", "the payload is no JSON object")
    sender, word = value.get("from"), value.get("type")
    if not isinstance(sender, str) or not 0 < _length(sender) <= _NAME_MAX:
        _refuse("from", f"text of 1 to {_NAME_MAX} characters")
    written = word.lower() if isinstance(word, str) else ""
    kind = _KINDS.get(written)
    if kind is None:
        _refuse("type", "request, response or inform")
    twice = next((key for key in value if key != "from" and len(key) == 4 and _folded(key) == "from"), None)
    if twice is not None:
        raise Fault("malformed", f"from stands twice: as from and as {twice}")
    received = _time_text(received_at)
    timestamp = _id(value, "timestamp") or received
    rare = read_rare(value, _id)
    priority, other = _priority(value, rare)
    return kind(
        message_id=_id(value, "message_id") or fallback_id,
        timestamp=timestamp,
        sender=sender,
        to=topic,
        type=written,
        priority=priority,
        content=_content(value.get("content")),
        in_reply_to=_id(value, "in_reply_to"),
        conversation_id=_id(value, "conversation_id"),
        expires_at=_moment(value.get("expires_at")),
        from_name=_display_name(value.get("from_name")),
        hops=_hops(value.get("hops")),
        trust=trust,
        received_at=None if _is_reliable(timestamp, received_at) else received,
        replay=replay,
        other=other,
        marks=marks,
        **rare,
    )


def is_expired(message: Message) -> bool:
    """True once `expires_at` has passed; False where there is none, or none with a zone."""
    until = None if message.expires_at is None else moment(message.expires_at)
    return until is not None and until <= datetime.now(timezone.utc)


def _folded(key: str) -> str:
    """A key as readers compare it that ignore case: letter by letter, dotted and dotless i alike. Long ones are no keys of ours."""
    if len(key) > 22:
        return key
    upper = "".join(sign.upper() if len(sign.upper()) == 1 else sign for sign in key)
    return upper.lower().replace("i\u0307", "i")


def _too_deep() -> Fault:
    return Fault("malformed", f"nested deeper than {DEPTH_MAX} levels")


def _refuse(name: str, form: str) -> NoReturn:
    raise Fault("malformed", f"{name}: must be {form}")


def _no_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is no part of JSON")


def _id(value: Mapping[str, Any], name: str) -> Optional[str]:
    """A text, or a number as a text; None for what is no id."""
    found = value.get(name)
    if isinstance(found, str):
        return found if 0 < _length(found) <= ID_MAX else None
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    written = number_text(found)
    return None if written == "null" else written


def _moment(found: Any) -> Optional[str]:
    """A time with its zone: without one nobody knows when it is."""
    return found if isinstance(found, str) and len(found) <= ID_MAX and moment(found) is not None else None


def _display_name(found: Any) -> Optional[str]:
    return found if isinstance(found, str) and _length(found) <= _NAME_MAX and _CONTROL.search(found) is None else None


def _hops(found: Any) -> Optional[int]:
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found <= 255 or found != int(found):
        return None
    return int(found)


def _length(text: str) -> int:
    """Characters as JavaScript counts them."""
    return len(text) + sum(sign > "\uffff" for sign in text)


def _priority(value: Mapping[str, Any], rare: Mapping[str, Any]) -> Tuple[str, Dict[str, Any]]:
    """The priority, and the keys that nobody knows; a foreign word of priority is kept among them."""
    other = {key: one for key, one in value.items() if key not in _KNOWN and not is_ours(key, one, rare) and _folded(key) not in _BROKERS}
    word = value.get("priority")
    if not isinstance(word, str):
        return "NORMAL", other
    priority = _PRIORITIES.get(word.upper(), "NORMAL")
    return priority, other if priority == word else {**other, "original_priority": word}


def _content(value: Any) -> Dict[str, Any]:
    """Content always has a text to read, whatever was sent."""
    if value is None:
        return {"message": ""}
    if isinstance(value, str):
        return {"message": value}
    if not isinstance(value, dict):
        return {"message": json_text(value), "data": value}
    message = value.get("message")
    readable = message if isinstance(message, str) else json_text(value if message is None else message)
    kind = value.get("kind")
    if "kind" not in value or isinstance(kind, str):
        return {**value, "message": readable}
    return {**value, "message": readable, "kind": json_text(kind)}


def _time_text(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_reliable(timestamp: str, received_at: datetime) -> bool:
    """True if the time has a zone and is at most a day off."""
    said = moment(timestamp)
    return said is not None and abs(said - received_at) <= timedelta(days=1)


def moment(text: str) -> Optional[datetime]:
    """A time with its zone, ISO 8601; None for anything else."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    day, time, seconds, fraction, zulu, hours, minutes = found.groups()
    zone = "+00:00" if zulu else f"{hours}:{minutes}"
    try:
        return datetime.fromisoformat(f"{day}T{time}{seconds or ':00'}.{((fraction or '.') + '000000')[1:7]}{zone}")
    except ValueError:
        return None  # the 31st of February
