"""What came and was taken by no handler, in order, up to a bound."""
from __future__ import annotations

import threading
from collections import deque
from typing import Callable, Deque, List, Optional, Union

from .envelope import Message
from .fault import Fault
from .mail_answers import Held


class Inbox:
    """For any number of threads."""

    def __init__(self, max_kept: int) -> None:
        self._max = max_kept
        # bound: inbox_max, and batch out of the mailbox · evicts: one more is refused by put · owner: Inbox
        self._messages: Deque[Union[Message, Held]] = deque()
        self._is_closed = False
        self._end_reason: Optional[Fault] = None
        self._changed = threading.Condition()

    def put(self, message: Message) -> bool:
        """False if there is no room."""
        with self._changed:
            if len(self._messages) >= self._max:
                return False
            self._messages.append(message)
            self._changed.notify()
            return True

    def keep(self, held: Held) -> None:
        """Takes in a message out of the mailbox, of which there are only so many."""
        with self._changed:
            self._messages.append(held)
            self._changed.notify()

    def withdraw(self, is_gone: Callable[[Held], bool]) -> None:
        """Takes messages out again that came out of the mailbox."""
        with self._changed:
            self._messages = deque(one for one in self._messages if not (isinstance(one, Held) and is_gone(one)))

    def claim(self, is_meant: Callable[[Message], bool]) -> List[Message]:
        """Takes out what did not come out of the mailbox and is meant, oldest first."""
        with self._changed:
            claimed: List[Message] = []
            left: Deque[Union[Message, Held]] = deque()
            for one in self._messages:
                if isinstance(one, Held) or not is_meant(one):
                    left.append(one)
                else:
                    claimed.append(one)
            self._messages = left
            return claimed

    def take(self, timeout_s: Optional[float]) -> Union[None, Message, Held]:
        """The oldest message; None after `timeout_s`, or when there will be no more. Raises the Fault that ended it, once nothing is kept."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or len(self._messages) > 0, timeout_s)
            if self._messages:
                return self._messages.popleft()
            if self._end_reason is not None:
                raise self._end_reason
            return None

    def close(self, reason: Optional[Fault] = None) -> None:
        """Ends every wait; what is kept can still be taken. The first reason counts."""
        with self._changed:
            if not self._is_closed:
                self._is_closed, self._end_reason = True, reason
            self._changed.notify_all()
