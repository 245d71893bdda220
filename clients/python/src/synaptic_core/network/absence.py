"""Who is not connected, and whether the broker has been asked on this line (Agent Network §12.3)."""
from __future__ import annotations

from typing import Dict


class Absence:
    """
    bound: recipients that something waits for · owner: the outbox
    """

    def __init__(self, ask_s: float) -> None:
        self._asked: Dict[str, bool] = {}  #: True: nothing goes to it until it is here, or it is its turn to be asked
        self._ask_s = ask_s
        self._asked_at = 0.0

    def is_absent(self, peer: str) -> bool:
        return peer in self._asked

    def is_silent(self, peer: str) -> bool:
        """True where nothing is to be said to it now."""
        return self._asked.get(peer, False)

    def gone(self, peer: str, now: float) -> bool:
        """The broker says so; True where that is news."""
        if not self._asked:
            self._asked_at = now
        is_news = peer not in self._asked
        self._asked[peer] = True
        return is_news

    def asks(self, peer: str) -> None:
        """A frame is said to it, to see whether it is here."""
        if peer in self._asked:
            self._asked[peer] = True

    def here(self, peer: str) -> bool:
        """True where that is news."""
        return self._asked.pop(peer, None) is not None

    def new_line(self) -> None:
        """The broker knows nothing of the line before: one frame to each tells it who is waited for."""
        for peer in self._asked:
            self._asked[peer] = False

    def ask_one(self, now: float) -> None:
        """The broker remembers some names only: now and then one of the absent is asked for again, in turn."""
        if self._asked and now - self._asked_at >= self._ask_s:
            self._asked_at = now
            peer = next(iter(self._asked))
            del self._asked[peer]
            self._asked[peer] = False
