"""What agents say to each other: the JSON object in the second ZeroMQ frame."""
from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Sequence, Union

from .fault import Fault
from .json_text import DEPTH_MAX, is_nested_deeper, no_json_number
from .surrogates import repair

ID_MAX = 256  #: longest id, in characters as JavaScript counts them
_TOPIC_MAX_BYTES = 1_024

#: What is said: a text, or a text under `message` with `kind`, `data` and more.
Said = Union[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Envelope:
    """A message. Only `to` and what the sender's own broker proved can be relied upon; see `trust`."""

    message_id: str
    timestamp: str  #: ISO 8601, as the sender wrote it
    sender: str  #: `from` on the wire
    to: str  #: an agent, a #room, all, $broker
    type: str
    priority: str  #: LOW, NORMAL, HIGH
    content: Mapping[str, Any]  #: `message` is always text; `kind` names what `data` holds
    in_reply_to: Optional[str] = None
    conversation_id: Optional[str] = None
    expires_at: Optional[str] = None  #: ISO 8601; not delivered after it
    from_name: Optional[str] = None  #: for people; never an address
    hops: Optional[int] = None
    trust: str = "claimed"  #: claimed, shared, proved: the broker's word
    received_at: Optional[str] = None
    replay: bool = False  #: a room's past message
    other: Mapping[str, Any] = field(default_factory=dict)  #: top-level keys that nobody here knows
    wait_ms: Optional[int] = None  #: how long the sender of a request waits for the answer, from receipt
    receipt: Optional[Sequence[str]] = None  #: what the sender asks to be told: stored, settled
    ephemeral: bool = False  #: it goes into no mailbox
    accepts: Optional[Sequence[str]] = None  #: forms of answer that the sender understands beside the plain one
    parent: Optional[str] = None  #: `message_id` of what caused this
    traceparent: Optional[str] = None  #: W3C Trace Context
    tracestate: Optional[str] = None
    marks: Optional[Mapping[str, Any]] = None  #: `$broker` on the wire, the broker's word: stored_at, delivery_id, attempt, room_seq, epoch

    @property
    def text(self) -> str:
        """What a person or a model can read."""
        return str(self.content["message"])

    @property
    def kind(self) -> str:
        """What `data` holds."""
        return str(self.content.get("kind", "chat"))

    @property
    def data(self) -> Any:
        """What a program can read, or None."""
        return self.content.get("data")


class Request(Envelope):
    """It asks for one response: `Agent.respond`, or what the handler returns."""


class Response(Envelope):
    """It answers a request, and is never answered."""


class Inform(Envelope):
    """It wants no answer, and gets none."""


Message = Union[Request, Response, Inform]


def content_of(said: Said) -> Dict[str, Any]:
    """What is said, as the content of a message. Raises Fault malformed."""
    if isinstance(said, str):
        return {"message": said}
    if not isinstance(said, Mapping) or not isinstance(said.get("message"), str):
        raise Fault("malformed", "say a text, or a dict with a text under 'message'")
    if not isinstance(said.get("kind", ""), str):
        raise Fault("malformed", "kind is no text; it names what data holds")
    return dict(said)


def write(envelope: Envelope) -> bytes:
    """The envelope as the payload that goes out. Raises Fault malformed for what is no JSON (NaN, a set, a date)."""
    optional = {
        "in_reply_to": envelope.in_reply_to,
        "conversation_id": envelope.conversation_id,
        "expires_at": envelope.expires_at,
        "from_name": envelope.from_name,
        "wait_ms": envelope.wait_ms,
        "receipt": envelope.receipt,
        "ephemeral": True if envelope.ephemeral else None,
        "accepts": envelope.accepts,
        "parent": envelope.parent,
        "traceparent": envelope.traceparent,
        "tracestate": envelope.tracestate,
    }
    fields = {
        "message_id": envelope.message_id,
        "timestamp": envelope.timestamp,
        "from": envelope.sender,
        "to": envelope.to,
        "type": envelope.type,
        "priority": envelope.priority,
        "content": envelope.content,
        **{key: value for key, value in optional.items() if value is not None},
    }
    try:
        payload = _payload(fields)
    except (TypeError, ValueError, RecursionError) as error:
        number = no_json_number({"content": envelope.content})
        if number is not None:
            raise Fault("malformed", f"{number}, which is no number of JSON; say null, or a text") from error
        raise Fault("malformed", f"the content cannot be written as JSON ({error}); say plain texts, numbers, lists and dicts") from error
    if is_nested_deeper(payload.decode()):
        raise Fault("malformed", f"the message is nested deeper than {DEPTH_MAX} levels; say it flatter, or as a text")
    return payload


def check_topic(topic: str) -> None:
    """Raises Fault malformed for what is no text of at most 1,024 bytes: no topic is longer."""
    if not isinstance(topic, str):
        raise Fault("malformed", f"the topic is {topic!r:.40}; give a name or topic as a text")
    size = len(topic.encode(errors="surrogatepass"))
    if size > _TOPIC_MAX_BYTES:
        raise Fault("malformed", f"the topic has {size} bytes; use a shorter one, of {_TOPIC_MAX_BYTES} at most")


def check_id(name: str, found: Optional[str]) -> None:
    """Raises Fault malformed for an id that is no text of 1 to 256 characters, as JavaScript counts them."""
    if found is not None and not (isinstance(found, str) and 0 < len(found) + sum(sign > "\uffff" for sign in found) <= ID_MAX):
        raise Fault("malformed", f"{name} is {found!r:.40}; give a text of 1 to {ID_MAX} characters")


def _payload(fields: Mapping[str, Any]) -> bytes:
    try:
        return _json(fields, ensure_ascii=False)
    except UnicodeEncodeError:
        # Half of a surrogate pair: JSON has a word for it, which nobody can write out again.
        return repair(_json(fields, ensure_ascii=True).decode()).encode()


def _json(fields: Mapping[str, Any], *, ensure_ascii: bool) -> bytes:
    return json.dumps(fields, ensure_ascii=ensure_ascii, allow_nan=False, separators=(",", ":")).encode()
