"""Requests of one agent that wait for their response."""
from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, Dict, Mapping, Optional

from .envelope import Envelope, Inform, Message, Response
from .fault import FAULT_CODES, Fault
from .futures import settle
from .names import BROKER


class Pending:
    """Futures by message id. Whoever gives up cancels its future."""

    def __init__(self, name: str, max_waiting: int) -> None:
        self._name = name
        self._max = max_waiting
        self._lock = threading.Lock()
        # bound: pending_max · evicts: one more request is refused as full · owner: Pending
        self._waiting: "Dict[str, Future[Envelope]]" = {}
        # The ids by addressee, oldest first.
        # bound: pending_max · evicts: an addressee goes with its last request · owner: Pending
        self._by_addressee: "Dict[str, Dict[str, None]]" = {}

    def wait(self, message_id: str, to: str) -> "Future[Envelope]":
        """Waits for the answer of `to` to a message. Raises Fault conflict, full."""
        answer: "Future[Envelope]" = Future()
        with self._lock:
            if message_id in self._waiting:
                raise Fault("conflict", f"a request {message_id} waits for its answer already; give each its own message_id")
            if len(self._waiting) >= self._max:
                raise Fault("full", f"{self._max} requests wait for an answer already")
            self._waiting[message_id] = answer
            self._by_addressee.setdefault(to, {})[message_id] = None
        answer.add_done_callback(lambda _: self._forget(message_id, to))
        return answer

    def take(self, message: Message) -> bool:
        """
        Takes a response, or the broker's refusal, that somebody waits for. A response that does not say what it answers is for the oldest
        request to its sender (protocols §3.2).
        """
        answered = message.in_reply_to or self._oldest(message)
        answer = None if answered is None else self._waiting.get(answered)
        if answer is None:
            return False
        is_fault = message.kind == "fault"
        if isinstance(message, Response):
            settle(answer, fault_of(message) if is_fault else message)
            return True
        if isinstance(message, Inform) and is_fault and message.sender == BROKER:
            settle(answer, fault_of(message))
            return True
        return False

    def fail(self, message_id: str, error: BaseException) -> None:
        """Fails one wait, if it is still there."""
        answer = self._waiting.get(message_id)
        if answer is not None:
            settle(answer, error)

    def close(self, fault: Fault) -> None:
        """Fails everything that waits."""
        for message_id in list(self._waiting):
            self.fail(message_id, fault)

    def _oldest(self, message: Message) -> Optional[str]:
        if not isinstance(message, Response) or message.to != self._name:
            return None
        with self._lock:
            return next(iter(self._by_addressee.get(message.sender, ())), None)

    def _forget(self, message_id: str, to: str) -> None:
        with self._lock:
            self._waiting.pop(message_id, None)
            others = self._by_addressee.get(to, {})
            others.pop(message_id, None)
            if not others:
                self._by_addressee.pop(to, None)


def fault_of(message: Envelope) -> Fault:
    """The fault that a message tells."""
    data: Mapping[str, Any] = message.data if isinstance(message.data, dict) else {}
    code, retry = data.get("code"), data.get("retry_after_ms")
    known = code if isinstance(code, str) and code in FAULT_CODES else "internal"
    return Fault(known, message.text, detail=data, retry_after_ms=retry if isinstance(retry, (int, float)) else None)
