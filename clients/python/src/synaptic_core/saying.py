"""What one message carries beside its content, if its sender asks for that."""
from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional, Sequence, Union

from .fault import Fault
from .rare import RECEIPT_WORDS
from .reading import moment

#: A time with its zone.
Expiry = Union[datetime, str]


def fields_of(
    *, conversation_id: Optional[str], priority: str, expires_at: Optional[Expiry], expires_in_s: Optional[float], receipt: Optional[Sequence[str]], ephemeral: bool
) -> Dict[str, Any]:
    """As fields of an envelope. Raises Fault malformed: a time that is none or has no zone, two of them, a receipt of other words."""
    if not isinstance(ephemeral, bool):
        raise Fault("malformed", f"ephemeral is {ephemeral!r:.40}; it is True or False")
    return {
        "conversation_id": conversation_id,
        "priority": priority,
        "expires_at": _expiry(expires_at, expires_in_s),
        "receipt": None if receipt is None else _receipt(receipt),
        "ephemeral": ephemeral,
    }


def time_text(ahead_s: float) -> str:
    """The time in `ahead_s` seconds, ISO 8601 in UTC. Raises OverflowError beyond the year 9999."""
    return _text(datetime.now(timezone.utc) + timedelta(seconds=ahead_s))


def _receipt(receipt: Any) -> List[str]:
    if not isinstance(receipt, (list, tuple)) or not all(isinstance(word, str) and word in RECEIPT_WORDS for word in receipt):
        raise Fault("malformed", f"receipt is {receipt!r:.40}; give a list of the words {', '.join(RECEIPT_WORDS)}")
    return list(receipt)


def _expiry(expires_at: Any, expires_in_s: Any) -> Optional[str]:
    if expires_at is not None and expires_in_s is not None:
        raise Fault("malformed", "expires_at and expires_in_s say the same; give one of them")
    if expires_in_s is not None:
        if isinstance(expires_in_s, bool) or not isinstance(expires_in_s, (int, float)) or not expires_in_s > 0:
            raise Fault("malformed", f"expires_in_s is {expires_in_s!r:.40}; give seconds, more than 0")
        try:
            return time_text(expires_in_s)
        except OverflowError as error:
            raise Fault("malformed", f"expires_in_s is {expires_in_s!r:.40}; give a time before the year 10000") from error
    if expires_at is None:
        return None
    found = moment(expires_at) if isinstance(expires_at, str) else expires_at
    try:
        if isinstance(found, datetime) and found.tzinfo is not None:
            return _text(found)
    except OverflowError:
        pass  # in UTC it lies beyond the years that there are
    raise Fault("malformed", f"expires_at is {expires_at!r:.60}; give a time with its zone: a datetime with tzinfo, or ISO 8601")


def _text(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
