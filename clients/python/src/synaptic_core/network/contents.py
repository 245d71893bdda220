"""What each type says in `content` (Agent Network §1.2, §4.2). Further keys, and types that are not here, pass."""
from __future__ import annotations

from datetime import datetime
from typing import Any, Callable, Dict, Mapping, Optional

QUERY_TYPES = ("AVAILABILITY", "LOCATION_PREFERENCE", "MEETING_TYPE_PREFERENCE", "CUSTOM")
ANSWER_CODES = ("UNAVAILABLE_DATA", "PERMISSION_DENIED", "INVALID_PARAMETERS", "INTERNAL_ERROR")
PROPOSAL_STATUSES = ("PENDING", "ACCEPTED", "REJECTED", "EXPIRED", "MODIFIED")
REJECTION_REASONS = ("SCHEDULE_CONFLICT", "LOCATION_UNSUITABLE", "TIME_UNSUITABLE", "USER_DECLINED", "OTHER")
#: Types that are the client's own business, or the broker's.
RESERVED = frozenset({"AUTH", "HANDSHAKE", "ENCRYPTED", "RECEIPT", "CONNECTED", "ACK", "HEARTBEAT", "PRESENCE", "ERROR", "DISCONNECT"})

Check = Callable[[Any], Optional[str]]


def content_problem(kind: str, content: Mapping[str, Any]) -> Optional[str]:
    """What is wrong with the content of a known type, which names the field; None if nothing is."""
    problem = _fields(content, _TYPES.get(kind, {}), f"{kind}: content")
    if problem is None and kind == "REJECTION" and content.get("reason") == "OTHER" and not isinstance(content.get("details"), str):
        return "REJECTION: content.details says why, where the reason is OTHER"
    return problem


def parameters_problem(query_type: str, parameters: Mapping[str, Any]) -> Optional[str]:
    """The same for what is asked by one of QUERY_TYPES."""
    return _fields(parameters, _PARAMETERS.get(query_type, {}), f"{query_type}: parameters")


def _fields(value: Any, checks: Mapping[str, Check], path: str) -> Optional[str]:
    if not isinstance(value, dict):
        return f"{path} is no object"
    for name, check in checks.items():
        problem = check(value.get(name, _MISSING))
        if problem is not None:
            return f"{path}.{name} {problem}"
    return None


_MISSING: Any = object()


def _text(least: int, most: int) -> Check:
    return lambda value: None if isinstance(value, str) and least <= len(value) <= most else f"is no text of {least}–{most} characters"


def _word(*words: str) -> Check:
    return lambda value: None if value in words and isinstance(value, str) else f"is none of {', '.join(words)}"


def _maybe(check: Check) -> Check:
    return lambda value: None if value is _MISSING else check(value)


def _object(checks: Mapping[str, Check]) -> Check:
    def look(value: Any) -> Optional[str]:
        problem = _fields(value, checks, "it")
        return "is no object" if problem == "it is no object" else problem and f"is wrong: {problem}"

    return look


def _number(value: Any) -> Optional[str]:
    return None if isinstance(value, (int, float)) and not isinstance(value, bool) else "is no number"


def _time(value: Any) -> Optional[str]:
    try:
        datetime.fromisoformat(value.replace("Z", "+00:00") if isinstance(value, str) else "")
    except ValueError:
        return "is no time as 2030-06-01T15:00:00Z"
    return None


def _texts(value: Any) -> Optional[str]:
    return None if isinstance(value, list) and all(isinstance(one, str) for one in value) else "is no list of texts"


def _error(value: Any) -> Optional[str]:
    if value is None or value is _MISSING:
        return None
    return _object({"code": _text(1, 128), "message": _text(0, 65_536), "details": _maybe(_object({}))})(value)


_id = _text(1, 256)
_any_text = _text(0, 1_048_576)
_details: Dict[str, Check] = {
    "title": _maybe(_any_text), "description": _maybe(_any_text), "startTime": _maybe(_time), "endTime": _maybe(_time), "meetingType": _maybe(_any_text),
    "participants": _maybe(_texts), "status": _maybe(_word(*PROPOSAL_STATUSES)), "expiresAt": _maybe(_number),
    "location": _maybe(_object({"name": _maybe(_any_text), "address": _maybe(_any_text), "locationType": _maybe(_any_text), "coordinates": _maybe(_object({"latitude": _number, "longitude": _number}))})),
}
_TYPES: Dict[str, Dict[str, Check]] = {
    "QUERY": {"requestId": _id, "queryType": _text(1, 128), "parameters": _object({})},
    "RESPONSE": {"requestId": _id, "error": _error},
    "PROPOSAL": {"proposalId": _id, "details": _object(_details)},
    "CONFIRMATION": {"proposalId": _id, "status": _word("ACCEPTED"), "calendarEventId": _maybe(_any_text)},
    "REJECTION": {"proposalId": _id, "reason": _word(*REJECTION_REASONS), "details": _maybe(_any_text)},
    "INFORM": {"text": _any_text, "kind": _maybe(_any_text)},
    "RECEIPT": {"messageIds": _texts},
}
_PARAMETERS: Dict[str, Dict[str, Check]] = {
    "AVAILABILITY": {"startDate": _time, "endDate": _time, "timeZone": _maybe(_any_text)},
    "CUSTOM": {"text": _maybe(_any_text)},
}
