"""Queries and proposals whose callers wait for an answer."""
from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from ..fault import Fault
from .message import NetworkMessage

CALLS_MAX = 4_096


@dataclass
class Call:
    peer: str  #: who has to answer: nobody else can
    message_id: str  #: by which a refusal names it
    is_sealed: bool  #: then an answer in plain text, which the broker could have made up, is none
    answer: "asyncio.Future[NetworkMessage]"


class Calls:
    """
    They end with the process; what comes later is a message.

    bound: CALLS_MAX · evicts: with its answer, its time, or the agent · owner: the agent
    """

    def __init__(self) -> None:
        self._calls: Dict[Tuple[str, str, str], Call] = {}

    def open(self, kind: str, peer: str, call_id: str, message_id: str, is_sealed: bool) -> "asyncio.Future[NetworkMessage]":
        """`kind`: QUERY or PROPOSAL. Raises Fault full, conflict."""
        key = (peer, kind, call_id)
        if len(self._calls) >= CALLS_MAX:
            raise Fault("full", f"{CALLS_MAX} calls wait for their answers: wait for some of them")
        if key in self._calls:
            raise Fault("conflict", f"{peer} was asked under this id before: take a new one")
        answer: "asyncio.Future[NetworkMessage]" = asyncio.get_running_loop().create_future()
        self._calls[key] = Call(peer, message_id, is_sealed, answer)
        answer.add_done_callback(lambda done: self._ended(key, done))
        return answer

    def answered(self, message: NetworkMessage) -> bool:
        """True where a message answers an open call, which is over then."""
        call = self._call(message)
        if call is None or call.answer.done() or call.is_sealed and not message.is_sealed:
            return False
        call.answer.set_result(message)
        return True

    def fail(self, message_id: str, fault: Fault) -> None:
        """A message has failed for good: whoever waits for an answer to it is told."""
        for call in list(self._calls.values()):
            if call.message_id == message_id and not call.answer.done():
                call.answer.set_exception(fault)

    def fail_sealed(self, peer: str, fault: Fault) -> None:
        """Nothing sealed goes to this peer before the application has spoken: whoever waits for its answer is told."""
        for call in list(self._calls.values()):
            if call.is_sealed and call.peer == peer and not call.answer.done():
                call.answer.set_exception(fault)

    def fail_all(self, fault: Fault) -> None:
        for call in list(self._calls.values()):
            if not call.answer.done():
                call.answer.set_exception(fault)

    def _call(self, message: NetworkMessage) -> Optional[Call]:
        sender, request_id, proposal_id = message.sender, message.request_id, message.proposal_id
        if message.type == "RESPONSE" and request_id is not None:
            # Agents of other dialects answer a proposal by a RESPONSE that names it (Agent Network §4.3).
            return self._calls.get((sender, "QUERY", request_id)) or self._calls.get((sender, "PROPOSAL", request_id))
        if message.type in ("CONFIRMATION", "REJECTION") and proposal_id is not None:
            return self._calls.get((sender, "PROPOSAL", proposal_id))
        return None

    def _ended(self, key: Tuple[str, str, str], done: "asyncio.Future[NetworkMessage]") -> None:
        self._calls.pop(key, None)
        if not done.cancelled():
            done.exception()  # whoever waits hears it; the call may be given up meanwhile
