"""The thread of an agent's mailbox, and its line to the broker's desk."""
from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from typing import Any, Callable, Coroutine, Dict, List, Optional, TypeVar

from .core import Core
from .envelope import Envelope
from .fault import Fault
from .names import BROKER

_T = TypeVar("_T")
_log = logging.getLogger("synaptic_core")

#: What a broker says that may be over soon: the same is asked again.
_PASSING = frozenset({"timeout", "unavailable", "full", "rate-limited", "slow-consumer", "internal"})
_AGAIN_S = 0.25
_PING_S = 0.5
_END_S = 0.2  # what is told that it is over may end by itself


class MailThread:
    """
    One loop in a thread of its own, for both kinds of agents: leases are extended although all handlers, or the application's loop, are busy.
    It begins with the first call.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._thread: Optional[threading.Thread] = None
        self._phase = "open"

    def call(self, make: Callable[[], Coroutine[Any, Any, _T]]) -> "Future[_T]":
        """Runs a coroutine there. Giving the future up gives up the coroutine. Raises Fault going-away."""
        with self._lock:
            if self._phase != "open":
                raise Fault("going-away", "this agent is closed")
            loop = self._running()
            return asyncio.run_coroutine_threadsafe(make(), loop)

    def post(self, function: Callable[..., object], *given: object) -> None:
        """Calls a function there, if it has begun and not ended."""
        with self._lock:
            if self._phase == "open" and self._loop is not None:
                self._loop.call_soon_threadsafe(function, *given)

    @property
    def is_running(self) -> bool:
        """True from the first call on, until it is closed."""
        return self._phase == "open" and self._loop is not None

    def close(self, last: Callable[[], None]) -> None:
        """Ends it, after it has called `last`. What was called and has not ended then is given up."""
        with self._lock:
            was_open, self._phase = self._phase == "open", "closed"
            if was_open and self._loop is not None:
                self._loop.call_soon_threadsafe(last)
                self._loop.call_soon_threadsafe(self._loop.stop)

    def join(self) -> None:
        """Waits for its end."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._run, args=(self._loop,), name=f"{self._name} mailbox", daemon=True)
            self._thread.start()
        return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_forever()
            tasks = asyncio.all_tasks(loop)
            if tasks:
                _, late = loop.run_until_complete(asyncio.wait(tasks, timeout=_END_S))
                for task in late:
                    task.cancel()
                if late:
                    loop.run_until_complete(asyncio.wait(late))
        finally:
            loop.close()


class Line:
    """Asks the broker, in the mailbox's thread. What was asked over a line that broke is given up at once when there is a new one."""

    def __init__(self, core: Core, renewed: Callable[[], None]) -> None:
        """`renewed` is called when the line was made anew."""
        self._core = core
        self._renewed = renewed
        self.count = 0  #: how often the line was made anew
        self._hurry: "Optional[asyncio.Future[None]]" = None
        self._proving: "Optional[asyncio.Task[None]]" = None
        self._is_due = False
        self.is_open = True

    async def ask(self, kind: str, data: Dict[str, Any], within_s: float, message_id: Optional[str] = None) -> Envelope:
        """Raises Fault timeout, also when the line is made anew meanwhile, and whatever the broker says."""
        return await self._answer(self._core.desk(kind, data, message_id=message_id, within_s=within_s), within_s, [self._hurried()])

    async def sleep(self, seconds: float) -> None:
        """Waits so long, or until the line is made anew."""
        if seconds > 0:
            await asyncio.wait([self._hurried()], timeout=seconds)

    async def again(self, fault: Fault) -> None:
        """Waits before the same is asked again. Raises the fault if it will stay so."""
        if fault.code not in _PASSING or not self.is_open:
            raise fault
        await self.sleep(max(_AGAIN_S, (fault.retry_after_ms or 0) / 1_000))

    def reconnected(self) -> None:
        """One of the sockets has reached the broker, for the first time or again: as soon as both have, the line is made anew."""
        self._is_due = True
        if self._proving is None and self.is_open:
            self._proving = asyncio.get_running_loop().create_task(self._prove())

    def close(self) -> None:
        """Nothing is asked any more."""
        self.is_open = False
        if self._proving is not None:
            self._proving.cancel()
        if self._hurry is not None and not self._hurry.done():
            self._hurry.set_result(None)

    async def _prove(self) -> None:
        while self._is_due:
            self._is_due = False
            try:
                await self._answer(self._core.ping(_PING_S), _PING_S, [])
            except Fault as fault:
                if fault.code not in _PASSING:
                    break
                self._is_due = True
        self._proving = None
        self.count += 1
        hurry, self._hurry = self._hurry, None
        if hurry is not None and not hurry.done():
            hurry.set_result(None)
        self._renewed()

    async def _answer(self, asked: "Future[Envelope]", within_s: float, others: "list[asyncio.Future[None]]") -> Envelope:
        answer = asyncio.wrap_future(asked)
        either: "List[asyncio.Future[Any]]" = [answer, *others]
        try:
            await asyncio.wait(either, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
        except asyncio.CancelledError:
            answer.cancel()
            raise
        answer.cancel()
        raise Fault("timeout", f"{BROKER} did not answer in time")

    def _hurried(self) -> "asyncio.Future[None]":
        if self._hurry is None:
            self._hurry = asyncio.get_running_loop().create_future()
            if not self.is_open:
                self._hurry.set_result(None)
        return self._hurry
