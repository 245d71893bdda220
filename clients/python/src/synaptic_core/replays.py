"""A room's past messages, which follow the answer to `room.history`."""
from __future__ import annotations

from concurrent.futures import Future
from typing import List, Optional

from .envelope import Message
from .futures import settle


class Replays:
    """Lives in the link's thread: the broker sends the replays of one answer right behind it, on the agent's own topic."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        # bound: the broker's answer, 100 at most · evicts: the next answer, or whoever waits gives up · owner: Replays
        self._heard: List[Message] = []
        self._wanted: "Optional[Future[List[Message]]]" = None

    def begin(self, count: int, wanted: "Future[List[Message]]") -> None:
        """The next `count` replays are for `wanted`."""
        self._count, self._heard, self._wanted = count, [], wanted
        self._settle()

    def take(self, topic: str, message: Message) -> bool:
        """Takes a replay that somebody waits for."""
        if self._wanted is None or not message.replay or topic != self._name:
            return False
        if self._wanted.cancelled():
            self._wanted = None
            return False
        self._heard.append(message)
        self._settle()
        return True

    def _settle(self) -> None:
        if self._wanted is not None and len(self._heard) >= self._count:
            settle(self._wanted, self._heard)
            self._wanted = None
