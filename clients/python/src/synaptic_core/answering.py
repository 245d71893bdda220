"""Handlers of the blocking agent that are under way, and what becomes of them when it leaves."""
from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Callable, Dict, Optional, TypeVar

from .core import UNSAYABLE, Core
from .envelope import Message, Request, Said
from .fault import Fault
from .futures import given_up

_log = logging.getLogger("synaptic_core")

_M = TypeVar("_M", bound=Message)

#: Gives back the response to a request; None is an empty one.
Answerer = Callable[[Request], Optional[Said]]
#: Takes what wants no answer.
Listener = Callable[[Message], object]


class Answering:
    """Requests are answered by several threads at once; what wants no answer is handled by one, in order."""

    def __init__(self, core: Core) -> None:
        self._core = core
        options = core.options
        self._answers_max = options.answering_max
        self._notices_max = options.answering_max + options.inbox_max
        self._answers = ThreadPoolExecutor(options.handler_threads, thread_name_prefix=f"{core.name} answers")
        self._notices = ThreadPoolExecutor(1, thread_name_prefix=f"{core.name} hears")
        self._lock = threading.Lock()
        # bound: answering_max · evicts: one more request is answered as full · owner: RunningHandlers
        self._answered: "Dict[Future[None], Request]" = {}
        # bound: answering_max + inbox_max · evicts: one more is dropped and counted · owner: RunningHandlers
        self._told: "Dict[Future[None], Message]" = {}
        self._phase = "open"  # then closing: nothing begins; then over: nothing is answered

    def answer(self, request: Request, handler: Answerer) -> None:
        """Answers by what the handler gives back; what it raises is told as a fault."""
        if self._phase != "open":
            self.refuse(request, Fault("going-away", f"{request.to} is leaving; ask it again when it is back"))
        elif not self._begin(self._answers, self._answered, self._answers_max, request, lambda: self._answer(request, handler)):
            self.refuse(request, Fault("full", f"{request.to} answers as many requests as it can; try again later"))

    @property
    def is_open(self) -> bool:
        """False once it has begun to end: what comes now is told to no handler."""
        return self._phase == "open"

    def tell(self, message: Message, handler: Listener) -> None:
        """Runs a handler that answers nothing, after all that were told before. What there is no room for is dropped."""
        if not self._begin(self._notices, self._told, self._notices_max, message, lambda: self._tell(message, handler)):
            self._core.drops.no_room(message, self._notices_max)

    def run(self, message: Message, handler: Callable[[Any], Any]) -> "Future[Any]":
        """
        Runs a handler of a message out of the mailbox, among the others: in order, if it answers nothing. What it gives or raises is the future's, which is
        cancelled once this has begun to end.
        """
        with self._lock:
            if self._phase != "open":
                return given_up()
            return (self._answers if isinstance(message, Request) else self._notices).submit(handler, message)

    def refuse(self, request: Request, fault: Fault) -> None:
        """Answers by a fault."""
        try:
            self._core.refuse(request, fault)
        except Fault as failed:
            _log.warning("%s: a request could not be refused: %s", self._core.name, failed)

    def end(self, within_s: float) -> None:
        """Waits for what is under way; what is not answered then is answered as going-away."""
        with self._lock:
            self._phase = "closing"
            waited = [*self._answered, *self._told]
        wait(waited, within_s)
        for pool in (self._answers, self._notices):
            pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._phase = "over"
            unanswered = list(self._answered.values())
            self._answered.clear()
        for request in unanswered:
            self.refuse(request, Fault("going-away", f"{request.to} has left before it could answer"))

    def _begin(self, pool: ThreadPoolExecutor, under_way: "Dict[Future[None], _M]", most: int, message: _M, work: Callable[[], None]) -> bool:
        with self._lock:
            if self._phase != "open" or len(under_way) >= most:
                return False
            begun = pool.submit(work)
            under_way[begun] = message
        begun.add_done_callback(lambda done: self._forget(under_way, done))
        return True

    def _forget(self, under_way: "Dict[Future[None], _M]", done: "Future[None]") -> None:
        with self._lock:
            message = under_way.pop(done, None)
        if message is not None and done.cancelled() and not isinstance(message, Request):
            self._core.drops.left(message)

    def _answer(self, request: Request, handler: Answerer) -> None:
        if self._core.is_late(request):
            return  # it waited for its turn for too long
        try:
            said = handler(request)
            if self._phase == "over":
                return  # it has been answered as going-away
        except Fault as fault:
            self.refuse(request, fault)
        except Exception:
            self._failed(request)
        else:
            self._respond(request, said)

    def _respond(self, request: Request, said: Optional[Said]) -> None:
        try:
            sent = self._core.respond(request, "" if said is None else said)
        except Fault as fault:
            if fault.code in UNSAYABLE:
                self._failed(request)
            else:
                self.refuse(request, fault)
        except Exception:
            self._failed(request)
        else:
            sent.add_done_callback(self._sent)

    def _failed(self, request: Request) -> None:
        _log.exception("%s: a request handler failed (%s)", self._core.name, request.message_id)
        self.refuse(request, Fault("internal", "the agent failed to answer"))

    def _sent(self, sent: "Future[None]") -> None:
        error = None if sent.cancelled() else sent.exception()
        if error is not None:
            _log.warning("%s: an answer was not sent: %s", self._core.name, error)

    def _tell(self, message: Message, handler: Listener) -> None:
        try:
            handler(message)
        except Exception:
            _log.exception("%s: a handler failed (%s)", self._core.name, message.message_id)
