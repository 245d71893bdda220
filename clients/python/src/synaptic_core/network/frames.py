"""One frame of Agent Network: read from a text, written as one (Agent Network §1.1)."""
from __future__ import annotations

import hashlib
import json
import math
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional

from .canonical import read_json

FRAME_MAX_BYTES = 65_536  #: of what a client says
HEARD_MAX_BYTES = 1_048_576  #: of what it hears
ID_MAX = 256  #: characters of an id and of a type
PRIORITIES = ("HIGH", "NORMAL", "LOW")
_PRIORITY_MAX = 32  #: characters
_TEXTS = ("messageId", "conversationId", "senderId", "recipientId", "messageType")


@dataclass(frozen=True)
class Frame:
    """The eight fields. `timestamp` is in milliseconds."""

    message_id: str
    conversation_id: str
    sender_id: str
    recipient_id: str
    message_type: str
    content: Mapping[str, Any]
    timestamp: Any
    metadata: Mapping[str, Any] = field(default_factory=dict)


def read_frame(text: Any) -> Frame:
    """Raises ValueError where a text is no frame."""
    if not isinstance(text, str):
        raise ValueError("it is binary, and the subprotocol here is JSON text")
    if len(text) > HEARD_MAX_BYTES:
        raise ValueError(f"it is longer than {HEARD_MAX_BYTES} characters")
    value = read_json(text)
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    for name in _TEXTS:
        if not is_id(value.get(name)):
            raise ValueError(f"{name} is no text of 1–{ID_MAX} characters")
    for name in ("content", "metadata"):
        if not isinstance(value.get(name), dict):
            raise ValueError(f"{name} is no object")
    timestamp = value.get("timestamp")
    if isinstance(timestamp, bool) or not isinstance(timestamp, (int, float)) or not math.isfinite(timestamp):
        raise ValueError("timestamp is no number")
    _check_metadata(value["metadata"])
    message_id, conversation_id, sender_id, recipient_id, message_type = (value[name] for name in _TEXTS)
    return Frame(message_id, conversation_id, sender_id, recipient_id, message_type, value["content"], timestamp, value["metadata"])


def is_id(value: Any) -> bool:
    """True for an id or a type: a text of 1–256 characters, and no half of one (Agent Network §1.1, §1.4)."""
    return isinstance(value, str) and 1 <= len(value) <= ID_MAX and not any("\ud800" <= character <= "\udfff" for character in value)


def _check_metadata(metadata: Mapping[str, Any]) -> None:
    priority = metadata.get("priority", "")
    if not isinstance(priority, str) or len(priority) > _PRIORITY_MAX:
        raise ValueError(f"metadata.priority is no text of {_PRIORITY_MAX} characters at most")
    for name in ("encrypted", "requiresResponse"):
        if not isinstance(metadata.get(name, False), bool):
            raise ValueError(f"metadata.{name} is neither true nor false")


def frame_text(frame: Frame) -> str:
    """Raises ValueError where content or metadata are no JSON."""
    value: Dict[str, Any] = dict(zip(_TEXTS, (frame.message_id, frame.conversation_id, frame.sender_id, frame.recipient_id, frame.message_type)))
    value.update(content=frame.content, timestamp=frame.timestamp, metadata=frame.metadata)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def metadata_of(priority: str = "NORMAL", encrypted: bool = False, requires_response: bool = False, more: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
    return {**(more or {}), "priority": priority, "encrypted": encrypted, "requiresResponse": requires_response}


def new_id(kind: str) -> str:
    """An id that nobody else makes: `msg_…`, `req_…`, `prop_…`."""
    return f"{kind}_{secrets.token_hex(16)}"


def now_ms() -> int:
    return int(time.time() * 1_000)


def conversation_of(one: str, other: str) -> str:
    """The conversation of two agents, the same on both sides (Agent Network §4.4)."""
    names = sorted((one, other), key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return "conv_" + hashlib.sha256("\n".join(names).encode("utf-8")).hexdigest()[:32]
