"""One conversation with one peer of version 2: handshakes, keys, failures (Agent Network §10)."""
from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import List, Optional

from . import sodium
from .in_order import InOrder

_numbers = itertools.count(1)


class Session:
    """What one handshake has given. Its number is no other's: what was sealed before it is sealed anew."""

    def __init__(self, key: bytes, gap_s: float, now: float) -> None:
        self.number = next(_numbers)
        self.key = key
        self.order = InOrder(gap_s)
        self.since = now
        self._counter = 0

    def next_counter(self) -> int:
        self._counter += 1
        return self._counter

    def unused(self) -> None:
        """The last counter was not said: it would be waited for."""
        self._counter -= 1


@dataclass
class Completed:
    """The handshake just completed."""

    own: bytes  #: one's own public ephemeral key
    peer: bytes


class Talk:
    """Owner: Conversations, which bounds how many there are."""

    def __init__(self) -> None:
        self.open: Optional[sodium.KeyPair] = None  #: one's own, until the handshake is complete
        self.completed: Optional[Completed] = None
        self.session: Optional[Session] = None
        self.is_offered = False  #: since the last handshake
        self.is_renewing = False
        self._answered_at: Optional[float] = None
        self._before: Optional[Session] = None
        self._before_until = 0.0
        self._failures = 0
        self._wanted_at: Optional[float] = None

    def own_pair(self) -> sodium.KeyPair:
        """The same until the handshake is complete, so that offers that cross each other agree."""
        if self.open is None:
            self.open = sodium.agreement_pair()
        return self.open

    def complete(self, own: bytes, peer: bytes, session: Session, now: float, transition_s: float) -> None:
        """The key before opens for `transition_s` more."""
        self._before, self._before_until = self.session, now + transition_s
        self.session, self.completed, self.open = session, Completed(own, peer), None
        self.is_offered, self.is_renewing, self._failures, self._answered_at = False, False, 0, now

    def sessions(self, now: float) -> List[Session]:
        """Those whose keys open, the newest first."""
        if self._before is not None and now > self._before_until:
            self._before = None
        return [one for one in (self.session, self._before) if one is not None]

    def may_answer(self, now: float, pause_s: float) -> bool:
        """True once in `pause_s`."""
        if self._answered_at is not None and now - self._answered_at < pause_s:
            return False
        self._answered_at = now
        return True

    def opened(self) -> None:
        self._failures = 0

    def needs_offer(self, now: float, pause_s: float, is_failure: bool = True) -> bool:
        """True where a new handshake is due: after three failures, or at once where there is no key; once in `pause_s` at most."""
        self._failures += 1
        return not (is_failure and self._failures < 3 or self._wanted_at is not None and now - self._wanted_at < pause_s)

    def wants_offer(self, now: float) -> None:
        """It is asked for."""
        self._failures, self._wanted_at, self.is_renewing = 0, now, True
