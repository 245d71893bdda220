"""Requests of one agent that wait for their response."""
from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, Dict, Mapping

from .envelope import Envelope, Inform, Message, Response
from .fault import FAULT_CODES, Fault
from .futures import settle
from .names import BROKER


class Pending:
    """Futures by message id. Whoever gives up cancels its future."""

    def __init__(self, max_waiting: int) -> None:
        self._max = max_waiting
        self._lock = threading.Lock()
        # bound: pending_max · evicts: one more request is refused as full · owner: PendingRequests
        self._waiting: "Dict[str, Future[Envelope]]" = {}

    def wait(self, message_id: str) -> "Future[Envelope]":
        """Waits for the answer to a message. Raises Fault conflict, full."""
        answer: "Future[Envelope]" = Future()
        with self._lock:
            if message_id in self._waiting:
                raise Fault("conflict", f"a request {message_id} waits for its answer already; give each its own message_id")
            if len(self._waiting) >= self._max:
                raise Fault("full", f"{self._max} requests wait for an answer already")
            self._waiting[message_id] = answer
        answer.add_done_callback(lambda _: self._forget(message_id))
        return answer

    def take(self, message: Message) -> bool:
        """Takes a response, or the broker's refusal, that somebody waits for."""
        answer = None if message.in_reply_to is None else self._waiting.get(message.in_reply_to)
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

    def _forget(self, message_id: str) -> None:
        with self._lock:
            self._waiting.pop(message_id, None)


def fault_of(message: Envelope) -> Fault:
    """The fault that a message tells."""
    data: Mapping[str, Any] = message.data if isinstance(message.data, dict) else {}
    code, retry = data.get("code"), data.get("retry_after_ms")
    known = code if isinstance(code, str) and code in FAULT_CODES else "internal"
    return Fault(known, message.text, detail=data, retry_after_ms=retry if isinstance(retry, (int, float)) else None)
