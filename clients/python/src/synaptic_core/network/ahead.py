"""Answers to handshakes, and receipts: what others wait for (Agent Network §12.5)."""
from __future__ import annotations

from collections import deque
from typing import Callable, Deque, Optional, Tuple

from .frames import Frame
from .lane import Lane

_MOST = 1_000
_IN_A_ROW = 3  #: then a message has its turn

Make = Callable[[], Optional[Frame]]


class Ahead:
    """
    Frames that go ahead of messages, made when their turn comes.

    bound: _MOST · evicts: none, one more is not taken: who waits for it asks again · owner: the outbox
    """

    def __init__(self) -> None:
        self._waiting: "Deque[Tuple[Optional[Tuple[str, str]], Make]]" = deque()  #: with the peer and conversation that an answer is for
        self._in_a_row = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_first(self) -> bool:
        """False: a message has its turn, if one waits."""
        return bool(self._waiting) and self._in_a_row < _IN_A_ROW

    def push(self, make: Make, answer_for: Optional[Tuple[str, str]]) -> None:
        if len(self._waiting) < _MOST:
            self._waiting.append((answer_for, make))

    def take(self, lane: Optional[Lane]) -> Optional[Make]:
        """The first; where a lane has its turn, the answer that its key comes from, which goes before what is sealed with it."""
        self._in_a_row = self._in_a_row + 1 if lane is None else 0
        if lane is None:
            return self._waiting.popleft()[1]
        answer = next((one for one in self._waiting if one[0] == (lane.peer, lane.conversation_id)), None)
        if answer is None:
            return None
        self._waiting.remove(answer)
        return answer[1]
