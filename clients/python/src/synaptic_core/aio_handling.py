"""Handlers of the asyncio agent: what arrives in the link's thread is handed to them in the loop, in order."""
from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from concurrent.futures import Future
from typing import Any, Awaitable, Callable, Deque, Dict, Optional, Union

from .aio_inbox import AioInbox
from .core import UNSAYABLE, Core
from .envelope import Message, Request, Response, Said
from .fault import Fault
from .futures import given_up
from .mail_answers import Held

_log = logging.getLogger("synaptic_core")

#: Gives back the response to a request; None is an empty one.
Answerer = Callable[[Request], Union[Optional[Said], Awaitable[Optional[Said]]]]
#: Takes what wants no answer.
Listener = Callable[[Message], object]


class Handling:
    """Requests are answered by a task each; what wants no answer is handled by one task, in order."""

    def __init__(self, core: Core, inbox: AioInbox, loop: asyncio.AbstractEventLoop) -> None:
        self.on_request: Optional[Answerer] = None
        self.on_inform: Optional[Listener] = None
        self.on_response: Optional[Listener] = None
        self._core = core
        self._inbox = inbox
        self._loop = loop
        self._answers_max = core.options.answering_max
        self._waiting_max = core.options.answering_max + core.options.inbox_max
        self._lock = threading.Lock()
        # bound: answering_max + inbox_max · evicts: one more request is answered as full, anything else is dropped and counted · owner: Handling
        self._arrived: Deque[Message] = deque()
        self._is_woken = False
        # bound: answering_max + inbox_max · evicts: one more is dropped and counted · owner: Handling
        self._notices: Deque[Message] = deque()
        self._telling: "Optional[asyncio.Task[None]]" = None
        # bound: answering_max · evicts: one more request is answered as full · owner: Handling
        self._answering: "Dict[asyncio.Task[None], Request]" = {}
        self._turn = asyncio.Lock()  # of what is handled in order
        self._phase = "open"

    def deliver(self, message: Message) -> None:
        """In the link's thread: leaves it for the loop, which is woken once for all that has arrived."""
        with self._lock:
            has_room = len(self._arrived) < self._waiting_max
            if has_room:
                self._arrived.append(message)
            must_wake, self._is_woken = not self._is_woken, True
        if not has_room:
            self._no_room(message)
        if must_wake:
            self._post(self._take_arrived)

    def handler_of(self, message: Message) -> Optional[Callable[[Any], Any]]:
        """The handler that takes it, if there is one."""
        return self.on_request if isinstance(message, Request) else self._listener(message)

    def has_handlers(self) -> bool:
        """True if there is a handler of anything."""
        return any(handler is not None for handler in (self.on_request, self.on_inform, self.on_response))

    def keep(self, held: Held) -> None:
        """In the mailbox's thread: puts a message without a handler into the inbox."""
        self._post(self._inbox.keep, held)

    def withdraw(self, is_gone: Callable[[Held], bool]) -> None:
        """In the mailbox's thread: takes messages out of the inbox again."""
        self._post(self._inbox.withdraw, is_gone)

    def run(self, message: Message, handler: Callable[[Any], Any]) -> "Future[Any]":
        """
        In the mailbox's thread: runs a handler of a message out of the mailbox in the loop; in order, if it answers nothing. What it gives or raises is the
        future's, which is cancelled once the agent is leaving.
        """
        work = self._begun(message, handler)
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            _log.warning("%s: its loop is closed, nothing is handled", self._core.name)
            return given_up()

    async def end(self, within_s: float) -> None:
        """Waits for what is under way; what is not answered then is answered as going-away."""
        self._phase = "closing"
        under_way = [*self._answering, *([] if self._telling is None else [self._telling])]
        if under_way:
            await asyncio.wait(under_way, timeout=within_s)
        if self._telling is not None:
            self._telling.cancel()
        while self._notices:
            self._core.drops.left(self._notices.popleft())
        for task, request in list(self._answering.items()):
            task.cancel()
            self._refuse(request, Fault("going-away", f"{self._core.name} has left before it could answer"))

    def _post(self, function: Callable[..., object], *given: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *given)
        except RuntimeError:
            _log.warning("%s: its loop is closed, what arrives is dropped", self._core.name)

    # What follows runs in the loop.

    def claim(self) -> None:
        """Handlers have changed: they take first what came before they were there."""
        for message in self._inbox.claim(lambda one: self.handler_of(one) is not None):
            if not self._core.is_late(message):
                self._take(message)

    def _take_arrived(self) -> None:
        with self._lock:
            arrived, self._arrived, self._is_woken = self._arrived, deque(), False
        for message in arrived:
            self._take(message)

    def _take(self, message: Message) -> None:
        if isinstance(message, Request):
            self._take_request(message)
            return
        if self._phase != "open" or self._listener(message) is None:
            self._keep(message)
        elif len(self._notices) >= self._waiting_max:
            self._no_room(message)
        else:
            self._notices.append(message)
            if self._telling is None:
                self._telling = self._loop.create_task(self._tell())

    def _take_request(self, request: Request) -> None:
        if self._phase != "open":
            self._refuse(request, Fault("going-away", f"{self._core.name} is leaving; ask it again when it is back"))
        elif self.on_request is None:
            if not self._keep(request):
                self._refuse_as_full(request)
        elif len(self._answering) >= self._answers_max:
            self._refuse(request, Fault("full", f"{self._core.name} answers as many requests as it can; try again later"))
        else:
            task = self._loop.create_task(self._answer(request, self.on_request))
            self._answering[task] = request
            task.add_done_callback(lambda done: self._answering.pop(done, None))

    def _keep(self, message: Message) -> bool:
        is_kept = self._inbox.put(message)
        if not is_kept:
            self._core.drops.no_room(message, self._core.options.inbox_max)
        return is_kept

    def _no_room(self, message: Message) -> None:
        self._core.drops.no_room(message, self._waiting_max)
        if isinstance(message, Request):
            self._refuse_as_full(message)

    def _listener(self, message: Message) -> Optional[Listener]:
        return self.on_response if isinstance(message, Response) else self.on_inform

    async def _tell(self) -> None:
        try:
            while self._notices:
                message = self._notices.popleft()
                await self._hand_over(message, self._listener(message))
                await asyncio.sleep(0)  # others of the loop have their turn
        finally:
            self._telling = None

    async def _begun(self, message: Message, handler: Callable[[Any], Any]) -> Any:
        if self._phase != "open":
            raise asyncio.CancelledError
        try:
            if isinstance(message, Request):
                return await _given(handler, message)
            async with self._turn:
                return await _given(handler, message)
        except asyncio.CancelledError as error:
            if self._phase != "open":
                raise
            raise RuntimeError("the handler was cancelled") from error

    async def _hand_over(self, message: Message, handler: Optional[Listener]) -> None:
        if handler is None:
            self._keep(message)  # it was taken away meanwhile
            return
        try:
            async with self._turn:
                await _given(handler, message)
        except Exception:
            _log.exception("%s: a handler failed (%s)", self._core.name, message.message_id)

    async def _answer(self, request: Request, handler: Answerer) -> None:
        if self._core.is_late(request):
            return  # it waited for its turn for too long
        try:
            said = await _given(handler, request)
        except Fault as fault:
            self._refuse(request, fault)
        except Exception:
            self._failed(request)
        else:
            await self._respond(request, said)

    async def _respond(self, request: Request, said: Optional[Said]) -> None:
        try:
            await asyncio.wrap_future(self._core.respond(request, "" if said is None else said))
        except Fault as fault:
            if fault.code in UNSAYABLE:
                self._failed(request)
            else:
                self._refuse(request, fault)
        except Exception:
            self._failed(request)

    def _failed(self, request: Request) -> None:
        _log.exception("%s: a request handler failed (%s)", self._core.name, request.message_id)
        self._refuse(request, Fault("internal", "the agent failed to answer"))

    def _refuse_as_full(self, request: Request) -> None:
        self._refuse(request, Fault("full", f"{self._core.name} has as many messages waiting as it can; try again later"))

    def _refuse(self, request: Request, fault: Fault) -> None:
        try:
            self._core.refuse(request, fault)
        except Fault as failed:
            _log.warning("%s: a request could not be refused: %s", self._core.name, failed)


async def _given(handler: Callable[[Any], Any], message: Message) -> Any:
    """What a handler gives, awaited if it is a coroutine."""
    given = handler(message)
    return await given if isinstance(given, Awaitable) else given
