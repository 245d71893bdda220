"""A message as the application hears it."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional


@dataclass(frozen=True)
class NetworkMessage:
    """A frame of another agent, opened, with what is known of its road. `timestamp` is its sender's, in milliseconds."""

    message_id: str
    conversation_id: str
    sender: str
    recipient: str
    type: str
    content: Mapping[str, Any]
    timestamp: Any
    metadata: Mapping[str, Any]
    is_sealed: bool  #: False: it came in plain text, and the broker could read and change it
    is_verified: bool  #: signed by the key that is pinned for its sender
    is_late: bool = False  #: what came after it was handed over before it
    status: Optional[str] = field(default=None)  #: of a proposal: PENDING, MODIFIED, EXPIRED

    @property
    def text(self) -> str:
        """Its words for people; empty where it has none."""
        inner = self.content.get("data" if self.type == "RESPONSE" else "parameters")
        found = inner.get("text") if isinstance(inner, dict) else None
        return found if isinstance(found, str) else self.content.get("text", "") if isinstance(self.content.get("text"), str) else ""

    @property
    def data(self) -> Any:
        """Of a RESPONSE: what was asked for."""
        return self.content.get("data")

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Of a QUERY."""
        found = self.content.get("parameters")
        return found if isinstance(found, dict) else {}

    @property
    def query_type(self) -> Optional[str]:
        return _text(self.content.get("queryType"))

    @property
    def request_id(self) -> Optional[str]:
        return _text(self.content.get("requestId"))

    @property
    def proposal_id(self) -> Optional[str]:
        return _text(self.content.get("proposalId"))

    @property
    def details(self) -> Any:
        """Of a PROPOSAL a dict, of a REJECTION a text."""
        return self.content.get("details")

    @property
    def reason(self) -> Optional[str]:
        """Of a REJECTION."""
        return _text(self.content.get("reason"))

    @property
    def is_accepted(self) -> bool:
        """Of the answer to a proposal."""
        return self.type == "CONFIRMATION"


class AnswerError(Exception):
    """
    A QUERY that is not answered: raised by `query`, and by a handler of QUERY that cannot answer.

        raise AnswerError("PERMISSION_DENIED", "the calendar is private")
    """

    def __init__(self, code: str, message: str, details: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code  #: UNAVAILABLE_DATA, PERMISSION_DENIED, INVALID_PARAMETERS, INTERNAL_ERROR, or the application's own
        self.message = message
        self.details: Mapping[str, Any] = {} if details is None else details


def _text(value: Any) -> Optional[str]:
    return value if isinstance(value, str) else None
