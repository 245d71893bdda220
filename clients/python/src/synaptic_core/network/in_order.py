"""The order of one direction of a conversation, by its counter (Agent Network §11.5)."""
from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

from .security import CryptoProblem

WAITING_MAX = 256  #: messages of a conversation that wait for one that is missing
_SEEN_MAX = 2_048  #: counters whose ids are remembered: more than a sender may have under way
_REPEATS_MAX = 16  #: an identical frame that comes more often is no repeat of its sender any more, which tries 8 times
_GAPS_MAX = 256  #: runs of counters that were given up, and may still come late


@dataclass(frozen=True)
class Taken:
    """`released` in order, each with True where it comes late. `is_again`: this counter came before with this id. `is_old`: it came too long ago to know with which."""

    released: Tuple[Tuple[Any, bool], ...] = ()
    is_again: bool = False
    is_old: bool = False
    missing: int = 0  #: so many were given up just now


class InOrder:
    """
    What was opened, handed over in the order of its counter.

    bound: WAITING_MAX · evicts: a gap is given up · owner: the session
    """

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._next = 1
        self._waiting: Dict[int, Tuple[str, Any, int, float]] = {}  #: id, item, bytes, since when
        self._held_bytes = 0
        self._seen: "OrderedDict[int, Tuple[str, int]]" = OrderedDict()  #: id, and how often it came
        self._gaps: List[Tuple[int, int]] = []  #: first and last counter of each

    @property
    def held_bytes(self) -> int:
        """Of what waits for something that is missing."""
        return self._held_bytes

    def take(self, counter: int, message_id: str, item: Any, now: float, size: int = 0) -> Taken:
        """Raises CryptoProblem counter-reused, replayed."""
        seen, times = self._seen.get(counter, (None, 0))
        known = seen or (self._waiting[counter][0] if counter in self._waiting else None)
        if known is not None and known != message_id:
            raise CryptoProblem("counter-reused", f"its counter {counter} was there before, under another messageId")
        if times >= _REPEATS_MAX:
            raise CryptoProblem("replayed", "the identical frame came more often than it was sent")
        if seen is not None:
            self._seen[counter] = (seen, times + 1)
        if known is not None:
            return Taken(is_again=counter not in self._waiting)  # what waits already goes on waiting
        if counter < self._next:
            if not self._fill(counter):
                return Taken(is_old=True)
            self._remember(counter, message_id)
            return Taken(((item, True),))
        self._waiting[counter] = (message_id, item, size, now)
        self._held_bytes += size
        released = self._run()
        return self._skip(released) if len(self._waiting) > WAITING_MAX else Taken(released)

    def give_up(self, now: float) -> Taken:
        """What waited too long for something that is missing, and all that is missing before it."""
        taken = Taken()
        while any(now - since >= self._wait_s for _, _, _, since in self._waiting.values()):
            more = self._skip(taken.released)
            taken = Taken(more.released, missing=taken.missing + more.missing)
        return taken

    def skip(self) -> Taken:
        """There is no room to wait: the first gap is given up."""
        return self._skip(()) if self._waiting else Taken()

    def _run(self) -> Tuple[Tuple[Any, bool], ...]:
        released = []
        while self._next in self._waiting:
            message_id, item, size, _ = self._waiting.pop(self._next)
            self._held_bytes -= size
            self._remember(self._next, message_id)
            released.append((item, False))
            self._next += 1
        return tuple(released)

    def _skip(self, released: Tuple[Tuple[Any, bool], ...]) -> Taken:
        first = min(self._waiting)
        missing = first - self._next
        self._gaps = [*self._gaps[-(_GAPS_MAX - 1):], (self._next, first - 1)]
        self._next = first
        return Taken(released + self._run(), missing=missing)

    def _fill(self, counter: int) -> bool:
        """True where the counter was given up; it can come once."""
        for at, (first, last) in enumerate(self._gaps):
            if first <= counter <= last:
                self._gaps[at : at + 1] = [run for run in ((first, counter - 1), (counter + 1, last)) if run[0] <= run[1]]
                return True
        return False

    def _remember(self, counter: int, message_id: str) -> None:
        self._seen[counter] = (message_id, 1)
        if len(self._seen) > _SEEN_MAX:
            self._seen.popitem(last=False)
