"""Every way in which something is refused."""
from __future__ import annotations

from typing import Any, Mapping, Optional

FAULT_CODES = frozenset({
    "malformed", "too-large", "unsupported", "unauthenticated", "forbidden", "not-found", "conflict",
    "full", "rate-limited", "timeout", "slow-consumer", "going-away", "unavailable", "internal",
})


class Fault(Exception):
    """Something refused, by the broker, by another agent, or here. The text names the remedy."""

    def __init__(self, code: str, message: str, *, detail: Optional[Mapping[str, Any]] = None, retry_after_ms: Optional[float] = None) -> None:
        super().__init__(message)
        self.code = code  #: one of FAULT_CODES
        self.message = message
        self.detail: Mapping[str, Any] = {} if detail is None else detail
        self.retry_after_ms = retry_after_ms  #: when the same thing may be tried again

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class Refuse(Exception):
    """
    Raised by a handler of an agent that takes its messages: this message is nothing for it. It does not come again, and its sender is told the reason.

        raise Refuse("only prices are known here")
    """

    def __init__(self, reason: Optional[str] = None) -> None:
        super().__init__(reason or "refused")
        self.reason = reason  #: for the sender; 256 characters at most
