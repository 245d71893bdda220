"""A bucket of tokens: so many at once, then so many a second."""
from __future__ import annotations

from collections import OrderedDict


class Bucket:
    def __init__(self, per_s: float, burst: float, now: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._left, self._at = burst, now

    def take(self, now: float) -> bool:
        if self.wait_s(now) > 0:
            return False
        self._left -= 1
        return True

    def wait_s(self, now: float) -> float:
        """Seconds until there is one; 0 where there is."""
        self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._per_s)
        self._at = now
        return 0.0 if self._left >= 1 else (1 - self._left) / self._per_s

    def set(self, per_s: float, burst: float, now: float) -> None:
        self.wait_s(now)
        self._per_s, self._burst = per_s, burst
        self._left = min(self._left, burst)


class Buckets:
    """
    One for each name.

    bound: names_max · evicts: the name that was longest silent · owner: Conversations
    """

    def __init__(self, per_s: float, burst: float, names_max: int) -> None:
        self._per_s, self._burst, self._names_max = per_s, burst, names_max
        self._of: "OrderedDict[str, Bucket]" = OrderedDict()

    def take(self, name: str, now: float) -> bool:
        """False where nothing is left for this name."""
        bucket = self._of.pop(name, None) or Bucket(self._per_s, self._burst, now)
        self._of[name] = bucket
        if len(self._of) > self._names_max:
            self._of.popitem(last=False)
        return bucket.take(now)
