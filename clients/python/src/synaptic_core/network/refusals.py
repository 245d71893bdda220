"""What the broker's ERROR means for a message that was said (Agent Network §6, §12.2)."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional

from ..fault import Fault

_RETRY_MOST_S = 3_600.0


@dataclass(frozen=True)
class Refusal:
    code: str
    message: str
    details: Mapping[str, Any]
    is_recoverable: bool
    retry_after_s: float

    @property
    def original_id(self) -> Optional[str]:
        found = self.details.get("originalMessageId")
        return found if isinstance(found, str) else None

    @property
    def is_absence(self) -> bool:
        return self.code == "RECIPIENT_NOT_FOUND"

    @property
    def is_rate(self) -> bool:
        return self.code == "RATE_LIMIT_EXCEEDED"

    def fault(self, peer: str) -> Fault:
        """For good: with the remedy."""
        code = _CODES.get(self.code, "forbidden")
        if self.code == "ENCRYPTION_ERROR":
            return Fault(code, f"{peer} speaks another dialect and cannot open what is sealed: say it with plain=True if the broker may read it", detail=self.details)
        return Fault(code, self.message or f"the broker refuses it ({self.code})", detail=self.details)


_CODES = {
    "ENCRYPTION_ERROR": "unsupported", "INVALID_MESSAGE_FORMAT": "malformed", "SENDER_MISMATCH": "unauthenticated", "AUTHENTICATION_FAILED": "unauthenticated",
    "MESSAGE_ERROR": "forbidden", "CONNECTION_LIMIT_EXCEEDED": "full", "RATE_LIMIT_EXCEEDED": "rate-limited", "RECIPIENT_NOT_FOUND": "not-found",
    "TIMEOUT_ERROR": "timeout", "SERVER_ERROR": "unavailable",
}


def read_refusal(content: Mapping[str, Any]) -> Refusal:
    """Whatever the broker says is read, nothing is raised."""
    details, after = content.get("details"), content.get("retryAfter")
    wait_s = float(after) / 1_000 if isinstance(after, (int, float)) and not isinstance(after, bool) and after > 0 else 0.0
    return Refusal(
        str(content.get("errorCode", "")), str(content.get("message", "")), details if isinstance(details, dict) else {},
        content.get("recoverable") is True, min(wait_s, _RETRY_MOST_S),
    )
