"""The inbox of the asyncio agent."""
from __future__ import annotations

import asyncio
from collections import deque
from typing import Callable, Deque, List, Optional, Union

from .envelope import Message
from .fault import Fault
from .mail_answers import Held


class AioInbox:
    """What came and was taken by no handler, in order. Lives in one loop."""

    def __init__(self, max_kept: int, loop: asyncio.AbstractEventLoop) -> None:
        self._max = max_kept
        self._loop = loop
        # bound: inbox_max, and batch out of the mailbox · evicts: one more is refused by put · owner: AioInbox
        self._messages: Deque[Union[Message, Held]] = deque()
        # bound: the application's own tasks that wait · owner: AioInbox
        self._takers: "Deque[asyncio.Future[None]]" = deque()
        self._is_closed = False
        self._end_reason: Optional[Fault] = None

    def put(self, message: Message) -> bool:
        """False if there is no room."""
        if len(self._messages) >= self._max:
            return False
        self._messages.append(message)
        self._wake_one()
        return True

    def keep(self, held: Held) -> None:
        """Takes in a message out of the mailbox, of which there are only so many."""
        self._messages.append(held)
        self._wake_one()

    def withdraw(self, is_gone: Callable[[Held], bool]) -> None:
        """Takes messages out again that came out of the mailbox."""
        self._messages = deque(one for one in self._messages if not (isinstance(one, Held) and is_gone(one)))

    def claim(self, is_meant: Callable[[Message], bool]) -> List[Message]:
        """Takes out what did not come out of the mailbox and is meant, oldest first."""
        claimed: List[Message] = []
        left: Deque[Union[Message, Held]] = deque()
        for one in self._messages:
            if isinstance(one, Held) or not is_meant(one):
                left.append(one)
            else:
                claimed.append(one)
        self._messages = left
        return claimed

    async def take(self, timeout_s: Optional[float]) -> Union[None, Message, Held]:
        """The oldest message; None after `timeout_s`, or when there will be no more. Raises the Fault that ended it, once nothing is kept."""
        end = None if timeout_s is None else self._loop.time() + timeout_s
        while not self._messages and not self._is_closed:
            left = None if end is None else end - self._loop.time()
            if left is not None and left <= 0:
                return None
            await self._change(left)
        if self._messages:
            return self._messages.popleft()
        if self._end_reason is not None:
            raise self._end_reason
        return None

    def close(self, reason: Optional[Fault] = None) -> None:
        """Ends every wait; what is kept can still be taken. The first reason counts."""
        if not self._is_closed:
            self._is_closed, self._end_reason = True, reason
        while self._takers:
            self._wake_one()

    async def _change(self, within_s: Optional[float]) -> None:
        taker = self._loop.create_future()
        self._takers.append(taker)
        try:
            await asyncio.wait([taker], timeout=within_s)
        except asyncio.CancelledError:
            if taker.done() and self._messages:
                self._wake_one()  # it was this one's turn, and it takes nothing
            raise
        finally:
            if not taker.done():
                self._takers.remove(taker)

    def _wake_one(self) -> None:
        if self._takers:
            self._takers.popleft().set_result(None)
