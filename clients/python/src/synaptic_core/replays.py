"""A room's past messages, which follow the answer to `room.history`."""
from __future__ import annotations

from concurrent.futures import Future
from typing import List, Optional

from .envelope import Message
from .fault import Fault
from .futures import settle
from .names import BROKER

_FOLLOWED = frozenset({"room.history", "room.join"})  #: kinds of answers that the past of a room may follow


class Replays:
    """Lives in the link's thread: the broker sends the replays of one answer right behind it, on the agent's own topic."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._room = ""
        self._count = 0
        # bound: the broker's answer, 100 at most · evicts: the next answer, or whoever waits gives up · owner: Replays
        self._heard: List[Message] = []
        self._wanted: "Optional[Future[List[Message]]]" = None

    def begin(self, room: str, count: int, wanted: "Future[List[Message]]") -> None:
        """The next `count` replays of `room` are for `wanted`. What was awaited before comes no more: nothing stands between an answer and its replays."""
        self._lose()
        self._room, self._count, self._heard, self._wanted = room, count, [], wanted
        self._settle()

    def others_answer(self, answer: Message) -> None:
        """The broker has answered another program of the name: what follows, and looks like what is awaited here, is for that one."""
        if answer.sender == BROKER and answer.type == "response" and answer.kind in _FOLLOWED:
            self._lose()

    def take(self, topic: str, message: Message) -> bool:
        """Takes a replay that somebody waits for. Others of the same name may have asked for the past of other rooms."""
        wanted = self._wanted
        if wanted is None or not message.replay or topic != self._name or message.to != self._room:
            return False
        if wanted.cancelled():
            self._wanted = None
            return False
        self._heard.append(message)
        self._settle()
        return True

    def close(self, fault: Fault) -> None:
        """Whoever waits still hears why there will be no more. For any thread."""
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            settle(wanted, fault)

    def _lose(self) -> None:
        self.close(Fault("slow-consumer", f"some of the past of {self._room} was dropped on its way; ask for it again, or for less"))

    def _settle(self) -> None:
        wanted = self._wanted
        if wanted is not None and len(self._heard) >= self._count:
            settle(wanted, self._heard)
            self._wanted = None
