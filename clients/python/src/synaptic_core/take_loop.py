"""Takes messages out of the mailbox for an agent's handlers, and those without a handler for its inbox."""
from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from typing import Any, Callable, Dict, List, Optional, Protocol, Set

from .core import Core
from .envelope import Message, Request
from .fault import Fault, Refuse
from .mail_answers import Held
from .mailbox_options import TakeSettings
from .reading import is_expired
from .settlements import DONE, Verdict
from .taking import Taking

_log = logging.getLogger("synaptic_core")

#: What an agent does with a message.
Handler = Callable[[Any], Any]


class Hands(Protocol):
    """Where the messages of a mailbox go; the two kinds of agents have each their own. For the mailbox's thread."""

    def handler_of(self, message: Message) -> Optional[Handler]:
        """The handler that takes it, if there is one."""

    def has_handlers(self) -> bool:
        """True if there is a handler of anything."""

    def run(self, message: Message, handler: Handler) -> "Future[Any]":
        """Runs a handler: in order, one after the other, for what is no request. The future is cancelled once the agent is leaving."""

    def keep(self, held: Held) -> None:
        """Puts a message without a handler into the inbox."""

    def withdraw(self, gone: Callable[[Held], bool]) -> None:
        """Takes messages out of the inbox again."""


class TakeLoop:
    """
    What a handler returns from is settled, what it raises is given back and comes again. Nothing is taken while nobody wants it.
    Lives in the mailbox's thread.
    """

    def __init__(self, core: Core, settings: TakeSettings, taking: Taking, hands: Hands) -> None:
        self._core = core
        self._settings = settings
        self._taking = taking
        self._hands = hands
        # bound: batch · evicts: when it is settled · owner: TakeLoop
        self._open: "Set[asyncio.Task[Any]]" = set()
        # By who has received it.
        # bound: threads or tasks that receive · evicts: when they ask for the next one, or leave · owner: TakeLoop
        self._in_hand: Dict[object, Held] = {}
        # bound: batch · evicts: when it is received, or given back · owner: TakeLoop
        self._kept: Set[Held] = set()
        self._is_read = False  # somebody receives
        self._answering = 0
        self._is_telling = False
        self._is_due = False
        self._has_warned = False
        self._phase = "open"

    def changed(self) -> None:
        """There is something new: a message, a handler, somebody who receives, or room."""
        if not self._is_due and self._phase == "open":
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def stop(self) -> None:
        """Begins nothing more."""
        self._phase = "stopped"

    async def next_asked(self, who: object) -> None:
        """Somebody receives: what they have had until now is done with."""
        self._is_read = True
        held = self._in_hand.pop(who, None)
        if held is not None:
            self._follow(self._taking.settle(held, DONE))
        self.changed()

    async def give(self, held: Held, who: object) -> bool:
        """A message of the inbox goes to who receives it. False if it was given back meanwhile."""
        if held.phase != "kept":
            return False
        self._kept.discard(held)
        held.phase = "begun"
        self._in_hand[who] = held
        self.changed()
        return True

    async def left(self, who: object) -> None:
        """Somebody receives no longer: what they have in hand comes again, and so does what lies in the inbox."""
        self._is_read = False
        held = self._in_hand.pop(who, None)
        await self._give_back([*([] if held is None else [held]), *self._kept])

    async def drain(self, within_s: float) -> None:
        """Gives the inbox back, and waits until what was begun is settled; what is in somebody's hand goes back."""
        self.stop()
        in_hand = list(self._in_hand.values())
        self._in_hand.clear()
        end = asyncio.get_running_loop().time() + within_s
        await self._give_back([*self._kept, *in_hand])
        while self._open and asyncio.get_running_loop().time() < end:
            await asyncio.wait(list(self._open), timeout=end - asyncio.get_running_loop().time(), return_when=asyncio.FIRST_COMPLETED)

    async def _give_back(self, given: List[Held]) -> None:
        self._kept.difference_update(given)
        for held in given:
            held.phase = "settling"  # nobody gets them now
        self._hands.withdraw(lambda held: held.phase == "settling")
        await self._taking.give_back(given)

    def _pump(self) -> None:
        self._is_due = False
        if self._phase != "open":
            return
        for held in self._taking.waiting:
            self._begin(held)
        self._taking.waiting = [held for held in self._taking.waiting if held.phase == "waiting"]
        self._ask_for_more()

    def _begin(self, held: Held) -> None:
        message = held.message
        if isinstance(message, Request) and is_expired(message):
            held.phase = "settling"
            self._taking.forget(held)  # the broker settles it as expired
            return
        handler = self._hands.handler_of(message)
        if handler is None:
            if self._is_read and len(self._kept) < self._settings.batch:
                held.phase = "kept"
                self._kept.add(held)
                self._hands.keep(held)
        elif isinstance(message, Request):
            if self._answering < self._settings.parallel:
                self._handle(held, handler)
        elif not self._is_telling:
            self._handle(held, handler)

    def _ask_for_more(self) -> None:
        """Asks for more when half of what it may have is free: the fewer questions, the more at once."""
        taking, batch = self._taking, self._settings.batch
        if not self._is_read and not self._hands.has_handlers():
            if taking.waiting:
                taking.start(taking.give_back())
            return
        unclaimed = sum(self._hands.handler_of(held.message) is None for held in taking.waiting)
        room = batch - (taking.size - unclaimed)
        if taking.is_asking or room * 2 < batch:
            return
        if unclaimed >= self._core.options.inbox_max:
            self._warn(unclaimed)
        else:
            taking.start(self._ask(room))

    async def _ask(self, most: int) -> None:
        try:
            await self._taking.ask(most, self._settings)
        except Fault as fault:
            if self._phase == "open":
                self.stop()
                _log.error("%s: no more messages are taken out of the mailbox: %s", self._core.name, fault)

    def _warn(self, count: int) -> None:
        if not self._has_warned:
            self._has_warned = True
            remedy = "set on_inform, on_response and on_request, receive or iterate, or raise AgentOptions.inbox_max"
            _log.warning("%s: %d messages out of the mailbox wait, and no handler takes them: %s", self._core.name, count, remedy)

    def _follow(self, work: Any) -> None:
        task = self._taking.start(work)
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    def _handle(self, held: Held, handler: Handler) -> None:
        held.phase = "begun"
        is_request = isinstance(held.message, Request)
        if is_request:
            self._answering += 1
        else:
            self._is_telling = True
        self._follow(self._handled(held, handler, is_request))

    async def _handled(self, held: Held, handler: Handler, is_request: bool) -> None:
        try:
            try:
                said = await _outcome(self._hands.run(held.message, handler))
                if is_request:
                    await self._respond(held, said)
            finally:
                if is_request:
                    self._answering -= 1
                else:
                    self._is_telling = False
                self.changed()
        except _NotBegun:
            await self._taking.give_back([held])
        except Exception as error:
            await self._failed(held, error)
        else:
            if is_request:
                await self._answered(held, said)
            else:
                await self._taking.settle(held, DONE)

    async def _respond(self, held: Held, said: Any) -> None:
        """What the handler gave, checked where it is written. Raises Fault malformed, too-large, unavailable."""
        request: Any = held.message  # `respond` refuses what is none
        await asyncio.wrap_future(self._core.respond(request, "" if said is None else said))

    async def _answered(self, held: Held, said: Any) -> None:
        """
        A response settles its request once the broker has read it, which it says when it is asked. If the line broke before that, the response may
        be lost: it is said again. Where it has reached nobody, the message is done with.
        """
        taking, looks, lines = self._taking, 0, self._taking.lines
        try:
            while True:
                state = await taking.settlements.settle(held.delivery_id, Verdict("extend", lease_ms=self._settings.lease_ms))
                if state not in ("leased", "waiting"):
                    break
                if taking.lines != lines:
                    looks, lines = 0, taking.lines
                    await self._respond(held, said)
                elif looks > 0:
                    await taking.settle(held, DONE)
                    break
                else:
                    looks += 1
        finally:
            taking.forget(held)

    async def _failed(self, held: Held, error: Exception) -> None:
        if isinstance(error, Refuse):
            await self._taking.settle(held, Verdict("refuse", reason=error.reason))
            return
        delay_ms = self._settings.retry_delay_ms(held.attempt)
        _log.error("%s: a handler failed, its message comes again in %d ms (%s)", self._core.name, delay_ms, held.message.message_id, exc_info=error)
        await self._taking.settle(held, Verdict("release", delay_ms=delay_ms))


class _NotBegun(Exception):
    """The agent left before the handler's turn came."""


async def _outcome(running: "Future[Any]") -> Any:
    """What a handler gives or raises. Whatever ends it, SystemExit too, ends nothing else."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def tell(_: object) -> None:
        try:
            loop.call_soon_threadsafe(ended.set)
        except RuntimeError:
            return  # the agent has left: nobody waits any more

    running.add_done_callback(tell)
    await ended.wait()
    if running.cancelled():
        raise _NotBegun
    error = running.exception()
    if error is None:
        return running.result()
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        raise error
    raise RuntimeError(f"the handler ended by {error!r}") from error
