"""Tells the broker what becomes of messages that were taken."""
from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from .fault import Fault
from .mail_answers import states_of
from .mail_line import Line

_IDS_MAX = 500  # deliveries that one request names
_GATHER_S = 0.005  # what comes within this time goes together
_PAUSE_S = 0.1  # between two rounds: a broker answers 50 questions a second, and there are others to be asked
_ANSWER_S = 10.0
_REASON_MAX = 256


@dataclass(frozen=True)
class Verdict:
    """What is to become of a message: `done`, `extend`, `release`, `refuse`."""

    kind: str
    lease_ms: Optional[int] = None
    delay_ms: Optional[int] = None
    reason: Optional[str] = None

    def fields(self) -> Dict[str, Any]:
        """As the broker is told."""
        given = {"lease_ms": self.lease_ms, "delay_ms": self.delay_ms, "reason": None if self.reason is None else self.reason[:_REASON_MAX]}
        return {key: value for key, value in given.items() if value is not None}


DONE = Verdict("done")
GIVE_BACK = Verdict("release", delay_ms=0)

_Waiting = Dict[str, "List[asyncio.Future[str]]"]


class Settlements:
    """Many in one request, and again until the broker has answered. One round is on its way at a time. Lives in the mailbox's thread."""

    def __init__(self, line: Line) -> None:
        self._line = line
        # bound: messages that are held (batch, inbox_max) · evicts: with the broker's answer · owner: Settlements
        self._batches: Dict[Verdict, _Waiting] = {}
        self._running: "Optional[asyncio.Task[None]]" = None
        self._last = 0.0

    async def settle(self, delivery_id: str, verdict: Verdict) -> str:
        """
        The state in which the message is then; `unknown`: there is none of this id in the mailbox.
        Raises Fault of what stays so: forbidden, not-found (the box is closed), going-away.
        """
        if not self._line.is_open:
            raise _closed()
        loop = asyncio.get_running_loop()
        told: "asyncio.Future[str]" = loop.create_future()
        self._batches.setdefault(verdict, {}).setdefault(delivery_id, []).append(told)
        if self._running is None:
            self._running = loop.create_task(self._run())
        return await told

    def close(self) -> None:
        """Nothing more is told; the line is closed."""
        left, self._batches = self._batches, {}
        for waiting in left.values():
            _fail(waiting, _closed())

    async def _run(self) -> None:
        while self._batches and self._line.is_open:
            await self._line.sleep(max(_GATHER_S, self._last + _PAUSE_S - time.monotonic()))
            batches, self._batches = self._batches, {}
            self._last = time.monotonic()
            await asyncio.gather(*(self._tell(verdict, part) for verdict, waiting in batches.items() for part in _parts(waiting)))
        self._running = None

    async def _tell(self, verdict: Verdict, waiting: _Waiting) -> None:
        try:
            while True:
                try:
                    answer = await self._line.ask(f"mailbox.{verdict.kind}", {"ids": list(waiting), **verdict.fields()}, _ANSWER_S)
                    states = states_of(answer)
                    break
                except Fault as fault:
                    await self._line.again(fault)
        except Fault as fault:
            _fail(waiting, fault if self._line.is_open else _closed())
            return
        for delivery_id, told in waiting.items():
            for one in told:
                if not one.done():
                    one.set_result(states.get(delivery_id, "unknown"))


def _parts(waiting: _Waiting) -> List[_Waiting]:
    ids = list(waiting)
    return [{one: waiting[one] for one in ids[at : at + _IDS_MAX]} for at in range(0, len(ids), _IDS_MAX)]


def _fail(waiting: _Waiting, fault: Fault) -> None:
    for told in waiting.values():
        for one in told:
            if not one.done():
                one.set_exception(fault)


def _closed() -> Fault:
    return Fault("going-away", "this agent was closed")
