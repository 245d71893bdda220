"""Messages out of a mailbox one by one, each with its ends."""
from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError, Future
from typing import Any, AsyncIterator, Callable, Iterator, Optional, TypeVar

from .envelope import Message, Request
from .fault import Fault
from .mail_answers import Held
from .mailbox_options import HOUR_MS, TakeSettings, whole
from .reading import is_expired
from .settlements import DONE, GIVE_BACK, Verdict
from .taking import Taking

_T = TypeVar("_T")
#: Runs something in the mailbox's thread.
Settle = Callable[[str, Verdict], "Future[str]"]


class AnyMail:
    """A message out of the mailbox: `message`, and what is read of it most."""

    def __init__(self, held: Held, lease_ms: int, settle: Settle) -> None:
        self.message = held.message  #: a Request is answered by `agent.respond(mail, …)`, which settles it
        self.attempt = held.attempt  #: how often it was handed out, this time included
        self.delivery_id = held.delivery_id
        self._lease_ms = lease_ms
        self._settle = settle

    @property
    def sender(self) -> str:
        """Who said it."""
        return self.message.sender

    @property
    def text(self) -> str:
        """What a person or a model can read."""
        return self.message.text

    @property
    def kind(self) -> str:
        """What `data` holds."""
        return self.message.kind

    @property
    def data(self) -> Any:
        """What a program can read, or None."""
        return self.message.data

    def _released(self, delay_ms: int) -> "Future[str]":
        return self._settle(self.delivery_id, Verdict("release", delay_ms=whole("delay_ms", delay_ms, 0, HOUR_MS)))

    def _extended(self, lease_ms: Optional[int]) -> "Future[str]":
        chosen = self._lease_ms if lease_ms is None else whole("lease_ms", lease_ms, 1_000, HOUR_MS)
        return self._settle(self.delivery_id, Verdict("extend", lease_ms=chosen))

    def _refused(self, reason: Optional[str]) -> "Future[str]":
        return self._settle(self.delivery_id, Verdict("refuse", reason=reason))


class Mail(AnyMail):
    """
    A message out of the mailbox, and what becomes of it: without a word it comes again when its lease is over. Each call gives the state in which the message
    is then (`unknown`: the mailbox has it no longer), and raises Fault malformed, forbidden, not-found, going-away.
    """

    def done(self) -> str:
        """It is done with."""
        return outcome(self._settle(self.delivery_id, DONE))

    def release(self, delay_ms: int = 0) -> str:
        """It comes again: at once, or after a pause, which uses up one of five attempts."""
        return outcome(self._released(delay_ms))

    def refuse(self, reason: Optional[str] = None) -> str:
        """It is nothing for this agent; its sender is told why."""
        return outcome(self._refused(reason))

    def extend(self, lease_ms: Optional[int] = None) -> str:
        """Its lease begins anew."""
        return outcome(self._extended(lease_ms))


class AioMail(AnyMail):
    """See `Mail`: the same calls, awaited."""

    async def done(self) -> str:
        """It is done with."""
        return await aio_outcome(self._settle(self.delivery_id, DONE))

    async def release(self, delay_ms: int = 0) -> str:
        """It comes again: at once, or after a pause, which uses up one of five attempts."""
        return await aio_outcome(self._released(delay_ms))

    async def refuse(self, reason: Optional[str] = None) -> str:
        """It is nothing for this agent; its sender is told why."""
        return await aio_outcome(self._refused(reason))

    async def extend(self, lease_ms: Optional[int] = None) -> str:
        """Its lease begins anew."""
        return await aio_outcome(self._extended(lease_ms))


class Reader:
    """Who reads a mailbox. Lives in the mailbox's thread, but for `got`."""

    def __init__(self, taking: Taking, settings: TakeSettings, is_bounded: bool) -> None:
        self._taking = taking
        self._settings = settings
        self._is_bounded = is_bounded
        # Whoever asks may be interrupted before they have it.
        self._found: Optional[Held] = None

    async def next(self) -> Optional[Held]:
        """The next message, which is the reader's own from then on; None when there is none in time, or the agent leaves. Raises Fault forbidden, not-found."""
        taking = self._taking
        while self._found is None and taking.phase == "open":
            if not taking.waiting:
                await taking.ask(self._settings.batch, self._settings)
                if not taking.waiting and self._is_bounded:
                    return None
                continue
            held = taking.waiting.pop(0)
            taking.hand(held)
            if not (isinstance(held.message, Request) and is_expired(held.message)):  # the broker settles it as expired
                self._found = held
        return self._found

    def got(self) -> None:
        """Whoever asked has it. For any thread."""
        self._found = None

    async def end(self) -> None:
        """Gives back what was taken and nobody got."""
        held, self._found = self._found, None
        if held is not None:
            self._taking.waiting.insert(0, held)
        await self._taking.give_back()


def outcome(future: "Future[_T]") -> _T:
    """Waits for what the mailbox's thread does. Raises Fault going-away when it has ended."""
    try:
        return future.result()
    except CancelledError as error:
        raise Fault("going-away", "this agent was closed") from error
    except BaseException:
        future.cancel()  # Ctrl-C: nobody waits any longer
        raise


async def aio_outcome(future: "Future[_T]") -> _T:
    """Awaits what the mailbox's thread does. Raises Fault going-away when it has ended."""
    waiting = asyncio.wrap_future(future)
    try:
        await asyncio.wait([waiting])
    except asyncio.CancelledError:
        waiting.cancel()
        raise
    if waiting.cancelled():
        raise Fault("going-away", "this agent was closed")
    return waiting.result()
