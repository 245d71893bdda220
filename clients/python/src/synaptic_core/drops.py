"""What was lost on its way to the application."""
from __future__ import annotations

import logging
import threading
from typing import Set

from .envelope import Message

_log = logging.getLogger("synaptic_core")


class Drops:
    """Counts, and logs the first of each kind with its remedy. For any number of threads."""

    def __init__(self, name: str) -> None:
        self.count = 0
        self._name = name
        # bound: the kinds of loss that this package knows · owner: Drops
        self._told: Set[str] = set()
        self._lock = threading.Lock()

    def no_room(self, message: Message, kept_max: int) -> None:
        """A queue of messages was full."""
        self._add(message, f"{kept_max} messages wait already: take them (on_request, on_inform, on_response, receive, iteration), let handlers be faster, or raise AgentOptions.inbox_max")

    def too_late(self, message: Message) -> None:
        """A request whose `expires_at` has passed."""
        self._add(message, "its expires_at has passed: it was to be delivered before")

    def left(self, message: Message) -> None:
        """The agent left before a handler took it."""
        self._add(message, "this agent left before its handler took it: raise AgentOptions.close_timeout_s")

    def _add(self, message: Message, why: str) -> None:
        with self._lock:
            self.count += 1
            is_first = why not in self._told
            self._told.add(why)
        if is_first:
            _log.warning("%s: %s was dropped: %s; from now on such are only counted (Agent.dropped)", self._name, message.message_id, why)
