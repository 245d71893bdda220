"""What the broker tells of mailboxes."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .envelope import Envelope, Inform, Message
from .fault import Fault
from .listed import Cursor
from .names import BROKER
from .rare import read_marks
from .reading import TRUSTS, read_envelope


@dataclass(frozen=True)
class MailboxStatus:
    """A mailbox as its broker shows it. `stored`: ever; the sum of waiting, leased, done, answered, refused, expired and dead."""

    agent: str
    mode: str  #: push, take
    trust: str  #: claimed, shared, proved
    rooms: bool
    keep_s: float
    max: int
    max_bytes: int
    opened_at: str  #: ISO 8601
    here: bool  #: its owner is connected
    waiting: int
    leased: int
    bytes: int
    stored: int
    done: int
    answered: int
    refused: int
    expired: int
    dead: int
    epoch: str
    away_since: Optional[str] = None  #: ISO 8601
    unproved: bool = False  #: its owner's library cannot prove what it has read


@dataclass(frozen=True)
class Peeked:
    """A message as `peek` shows it."""

    state: str  #: waiting, leased, dead …
    attempts: int
    until: str  #: it is delivered until then, ISO 8601
    message: Message
    reason: Optional[str] = None


@dataclass(frozen=True)
class PeekedPage:
    """What `peek` shows: `next` is the `after` of the next look. `gap`: the cursor means nothing any more, so these
    are from the beginning."""

    messages: List[Peeked]
    next: Cursor
    gap: bool = False


@dataclass(frozen=True)
class Delivery:
    """Where a message of this agent's stands, in one of the mailboxes in which it lies. Times are ISO 8601."""

    to: str
    state: str  #: waiting, leased, done, answered, refused, expired, dead
    stored_at: str
    until: str  #: it is delivered until then
    reason: Optional[str] = None
    away_since: Optional[str] = None  #: its addressee is away


@dataclass(frozen=True)
class Receipt:
    """What a sender is told of its message."""

    id: str
    state: str  #: stored, done, answered, refused, expired, dead
    reason: Optional[str] = None
    until: Optional[str] = None  #: it is delivered until then, ISO 8601


@dataclass(eq=False)
class Held:
    """A message that this agent has leased."""

    delivery_id: str
    attempt: int
    message: Message
    #: waiting: nobody has it yet · kept: it lies in the inbox · begun: somebody handles it · settling: the broker is told what became of it
    phase: str = "waiting"
    again: Optional[Held] = None  #: it was given back, and has come again before the broker's answer to that


def status_of(answer: Envelope) -> MailboxStatus:
    """The mailbox of a `mailbox.open` or `mailbox.status` answer. Raises Fault malformed."""
    status: MailboxStatus = _made(MailboxStatus, answer.data)
    return status


def page_of(answer: Envelope, name: str) -> PeekedPage:
    """A page of a `mailbox.peek` answer; messages that cannot be read are left out. Raises Fault malformed."""
    found: List[Peeked] = []
    for one in _list(answer, "messages"):
        message = _message(one.get("message"), name)
        if message is not None:
            found.append(_made(Peeked, {**one, "message": message}))
    return PeekedPage(found, _made(Cursor, answer.data.get("next")), answer.data.get("gap") is True)


def deliveries_of(answer: Envelope) -> List[Delivery]:
    """The deliveries of a `mailbox.state` answer. Raises Fault malformed."""
    return [_made(Delivery, one) for one in _list(answer, "deliveries")]


def taken_of(answer: Envelope, name: str) -> List[Held]:
    """The messages of a `mailbox.take` answer; those that cannot be settled later are left out. Raises Fault malformed."""
    found: List[Held] = []
    for one in _list(answer, "messages"):
        message = _message(one, name)
        marks: Mapping[str, Any] = {} if message is None or message.marks is None else message.marks
        if message is not None and "delivery_id" in marks:
            found.append(Held(marks["delivery_id"], int(marks.get("attempt", 1)), message))
    return found


def states_of(answer: Envelope) -> Dict[str, str]:
    """Where each delivery stands, as one of the answers to what becomes of it tells. Raises Fault malformed."""
    return {str(one.get("delivery_id")): str(one.get("state")) for one in _list(answer, "results")}


def receipts_of(message: Message) -> Optional[Tuple[List[str], Dict[str, Any]]]:
    """The ids of an inform of kind `receipt`, and what it says of them; None if it is none."""
    if message.sender != BROKER or not isinstance(message, Inform) or message.kind != "receipt" or not isinstance(message.data, dict):
        return None
    ids, state = message.data.get("ids"), message.data.get("state")
    if not isinstance(ids, list) or not isinstance(state, str):
        return None
    told = {key: message.data[key] for key in ("reason", "until") if isinstance(message.data.get(key), str)}
    return [one for one in ids if isinstance(one, str)], {"state": state, **told}


def _list(answer: Envelope, key: str) -> List[Dict[str, Any]]:
    found = answer.data.get(key) if isinstance(answer.data, dict) else None
    if not isinstance(found, list):
        raise Fault("malformed", f"the broker's answer has no {key}")
    return [one if isinstance(one, dict) else {} for one in found]


def _made(what: Any, fields: Any) -> Any:
    """A dataclass of those fields that it knows. A newer broker may say more."""
    known = what.__dataclass_fields__
    given = fields if isinstance(fields, dict) else {}
    try:
        return what(**{key: value for key, value in given.items() if key in known})
    except TypeError as error:
        raise Fault("malformed", f"the broker's answer is no {what.__name__}: {error}") from error


def _message(value: Any, name: str) -> Optional[Message]:
    """A message in an answer, as `name` would hear it; None if it cannot be read."""
    fields: Mapping[str, Any] = value if isinstance(value, dict) else {}
    trust = fields.get("trust")
    try:
        return read_envelope(
            value,
            topic=name,
            received_at=datetime.now(timezone.utc),
            fallback_id=str(uuid.uuid4()),
            trust=trust if isinstance(trust, str) and trust in TRUSTS else "claimed",
            marks=read_marks(fields.get("$broker")),
        )
    except Fault:
        return None
