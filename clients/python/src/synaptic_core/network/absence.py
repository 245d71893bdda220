"""Who is connected, as far as is known on this line (Agent Network §12.3)."""
from __future__ import annotations

from typing import Dict, Tuple

_REMEMBERED = 32  #: names of absent agents that the broker remembers of a session
_MANY_S, _FEW_S = 10.0, 300.0  #: how often one of many, and each of few, is asked about


class Absence:
    """
    bound: recipients that something waits for · owner: the outbox
    """

    def __init__(self, answer_s: float) -> None:
        self._known: Dict[str, Tuple[str, float]] = {}  #: asked, absent or here, and since when; of others nothing is known
        self._answer_s = answer_s
        self._looked_at = 0.0

    def is_absent(self, peer: str) -> bool:
        return self._word(peer) == "absent"

    def is_silent(self, peer: str, now: float) -> bool:
        """True where nothing is to be said to it now: it is absent, or one frame has gone first and is not answered for."""
        word, since = self._known.get(peer, ("", now))
        return word == "absent" or word == "asked" and now - since < self._answer_s

    def said(self, peer: str, now: float) -> None:
        """A frame goes to it. If nothing is known of it, the others wait until that is acknowledged."""
        if self._word(peer) != "here":
            self._known[peer] = ("asked", now)

    def gone(self, peer: str, now: float) -> bool:
        """The broker says so; True where that is news."""
        is_news = self._word(peer) != "absent"
        self._known.pop(peer, None)
        self._known[peer] = ("absent", now)
        return is_news

    def here(self, peer: str) -> str:
        """It is there: what was known of it before."""
        before = self._word(peer)
        self._known[peer] = ("here", 0.0)
        return before

    def new_line(self) -> None:
        """The broker knows nothing of the line before, and nothing is known here."""
        self._known.clear()

    def forget(self, peer: str) -> None:
        self._known.pop(peer, None)

    def ask_one(self, now: float) -> bool:
        """Now and then one of the absent is asked about: True where there is one."""
        if now - self._looked_at < _MANY_S:
            return False
        self._looked_at = now
        absent = [(peer, since) for peer, (word, since) in self._known.items() if word == "absent"]
        if absent and (len(absent) > _REMEMBERED or now - absent[0][1] >= _FEW_S):
            self._known.pop(absent[0][0])
            return True
        return False

    def _word(self, peer: str) -> str:
        return self._known.get(peer, ("", 0.0))[0]
