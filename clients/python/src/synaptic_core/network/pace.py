"""How fast an agent speaks: below what the broker allows (Agent Network §12.5)."""
from __future__ import annotations

from typing import Optional

from .tokens import Bucket

_SHARE = 0.9  #: clocks differ, and others may speak for the agent
_SLOWEST = 1 / 8
_QUIET_S = 30.0


class Pace:
    """It outlives connections, as the broker's own bucket does."""

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self._usual = (per_second, burst)
        self._rate = per_second
        self._burst = burst
        self._bucket = Bucket(per_second, burst, now)
        self._is_free = False
        self._part = 1.0
        self._refused_at = 0.0
        self._closed_until = 0.0

    def set(self, per_second: Optional[float], burst: Optional[float], now: float) -> None:
        """What CONNECTED says: a rate of 0 is none; None where it does not tell."""
        self._is_free = per_second == 0
        self._rate = self._usual[0] if not per_second else per_second * _SHARE
        self._burst = self._usual[1] if burst is None else max(1.0, burst * _SHARE // 1)
        self._bucket.set(self._rate * self._part, self._burst, now)

    def slow(self, after_s: float, now: float) -> None:
        """The broker has refused one: nothing before that, and half as fast for a while."""
        self._closed_until = max(self._closed_until, now + max(after_s, 0.05))
        self._part, self._refused_at = max(self._part / 2, _SLOWEST), now
        self._bucket.set(self._rate * self._part, self._burst, now)

    def wait_s(self, now: float) -> float:
        """Seconds until one may be said; 0: now."""
        if self._part < 1 and now - self._refused_at >= _QUIET_S:
            self._part, self._refused_at = min(1.0, self._part * 2), now
            self._bucket.set(self._rate * self._part, self._burst, now)
        closed_s = max(0.0, self._closed_until - now)
        return closed_s if self._is_free else max(closed_s, self._bucket.wait_s(now))

    def take(self, now: float) -> None:
        if not self._is_free:
            self._bucket.take(now)
