"""What came and was taken by no handler, in order, up to a bound."""
from __future__ import annotations

import threading
from collections import deque
from typing import Deque, Optional

from .envelope import Message


class Inbox:
    """For any number of threads."""

    def __init__(self, max_kept: int) -> None:
        self.dropped = 0  #: messages that came when it was full
        self._max = max_kept
        # bound: inbox_max · evicts: one more is dropped and counted · owner: Inbox
        self._messages: Deque[Message] = deque()
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, message: Message) -> bool:
        """False if it was dropped."""
        with self._changed:
            if len(self._messages) >= self._max:
                self.dropped += 1
                return False
            self._messages.append(message)
            self._changed.notify()
            return True

    def take(self, timeout_s: Optional[float]) -> Optional[Message]:
        """The oldest message; None after `timeout_s`, or when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or len(self._messages) > 0, timeout_s)
            return self._messages.popleft() if self._messages else None

    def close(self) -> None:
        """Ends every wait; what is kept can still be taken."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
