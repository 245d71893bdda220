"""What is refused for the sake of security, told to the application and counted by kind (Agent Network §14.4)."""
from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, Optional

from ..fault import Fault

SECURITY_KINDS = (
    "malformed", "bad-key", "bad-signature", "bad-tag", "key-changed", "downgrade", "used-ephemeral", "unbound-answer",
    "counter-reused", "gap", "replayed", "plain-from-pinned", "not-opened", "flood",
)
_log = logging.getLogger("synaptic_core.network")


class CryptoProblem(Exception):
    """Something that came does not hold. `kind` is one of SECURITY_KINDS; the text names no secret."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True)
class Fingerprints:
    pinned: str  #: of the key that is known
    shown: str  #: of the key that came instead


@dataclass(frozen=True)
class SecurityEvent:
    """Never holds content, keys or tokens."""

    kind: str  #: one of SECURITY_KINDS
    peer: str
    message: str  #: with the remedy
    conversation_id: Optional[str] = None
    message_id: Optional[str] = None
    fingerprints: Optional[Fingerprints] = None  #: of key-changed


class SecurityEvents:
    """Counts, logs, and tells whoever listens."""

    def __init__(self) -> None:
        self._counts: Dict[str, int] = dict.fromkeys(SECURITY_KINDS, 0)
        self._listeners: List[Callable[[SecurityEvent], None]] = []

    def listen(self, listener: Callable[[SecurityEvent], None]) -> None:
        self._listeners.append(listener)

    def tell(self, event: SecurityEvent) -> None:
        self._counts[event.kind] += 1
        _log.warning("%s from %.64s: %s", event.kind, event.peer, event.message)
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                _log.exception("a listener of security events failed")

    @property
    def counts(self) -> Mapping[str, int]:
        return dict(self._counts)


def key_has_changed(peer: str) -> Fault:
    """Why nothing is sealed for a peer now, and who asked it is not answered."""
    return Fault("forbidden", f"the key of {peer} has changed: compare fingerprints with its owner by another way, then accept_key; what was said is kept until then")
