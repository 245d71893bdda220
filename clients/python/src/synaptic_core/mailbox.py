"""The mailbox of one agent."""
from __future__ import annotations

import asyncio
import threading
import uuid
from concurrent.futures import Future
from typing import Any, AsyncIterator, Callable, Coroutine, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, TypeVar

from .core import Core
from .envelope import Message, Response, Said
from .fault import Fault
from .futures import then
from .listed import Cursor
from .mail import AioMail, Mail, Reader, aio_outcome, outcome
from .mail_answers import Delivery, Held, MailboxStatus, PeekedPage, Receipt, deliveries_of, page_of, status_of
from .mail_line import Line, MailThread
from .mailbox_options import TakeSettings, mailbox_settings, take_settings
from .names import BROKER, EVERYONE, is_room
from .rare import RECEIPT_WORDS
from .sent import SentMessages
from .settlements import Verdict
from .take_loop import Hands, TakeLoop
from .taking import Taking

_T = TypeVar("_T")
_OVERDUE_MAX = 32  # questions about requests that were not answered in time that are open at once
OVERDUE_S = 0.5  #: how long it is asked whether a mailbox has a request that was not answered in time
_MAIL_MAX = 10


class Mailbox:
    """As far as it is this agent's: what it takes out of it, and what it waits to be told. For any number of threads; `hands` is where messages go."""

    def __init__(self, core: Core, hands: Hands) -> None:
        self._core = core
        self._hands = hands
        self._sent = SentMessages(core.options.pending_max)
        self._thread = MailThread(core.name)
        self._line = Line(core, self._renewed)
        self._taking = Taking(core.name, core.options.exclusive, self._line, lambda message: core.is_awaited(message) or self._sent.take(message), self._changed)
        self._loop: Optional[TakeLoop] = None
        self._mode = "none"
        self._taking_back: "Optional[asyncio.Task[Any]]" = None
        self._is_read = False  # somebody iterates over `mail()`
        self._overdue = threading.Semaphore(_OVERDUE_MAX)
        self._end_reason: Optional[Fault] = None
        core.of_mailbox = self._take
        core.on_reconnect(lambda: self._thread.post(self._line.reconnected))

    # What the application asks for.

    def open(self, option: Any) -> "Future[MailboxStatus]":
        """Opens it, or changes it, and takes messages if this is its mode. Raises Fault malformed; fails with forbidden, full, unavailable."""
        wanted, take = mailbox_settings(option)
        return then(self._core.desk("mailbox.open", wanted), lambda answer: self._opened(status_of(answer), take))

    def close_box(self, discard: bool) -> "Future[None]":
        """Nothing more is kept. Fails with Fault conflict (something waits, and `discard` is not said), forbidden, not-found."""
        return then(self._core.desk("mailbox.close", {"discard": True} if discard else {}), lambda _: self._ended())

    def status(self) -> "Future[MailboxStatus]":
        """Fails with Fault not-found."""
        return then(self._core.desk("mailbox.status", {}), status_of)

    def peek(self, after: Optional[Cursor], most: Optional[int], dead: bool) -> "Future[PeekedPage]":
        """Fails with Fault not-found, malformed."""
        wanted: Dict[str, Any] = {"dead": True} if dead else {}
        if most is not None:
            wanted["max"] = most
        if after is not None:
            wanted["after"] = {"epoch": after.epoch, "seq": after.seq}
        return then(self._core.desk("mailbox.peek", wanted), lambda answer: page_of(answer, self._core.name))

    def state(self, message_id: str) -> "Future[List[Delivery]]":
        """Where a message of this agent's stands, in whichever mailboxes it lies."""
        return then(self._core.desk("mailbox.state", {"message_id": message_id}), deliveries_of)

    def send(
        self, to: str, said: Said, kind: str, message_id: Optional[str], receipt: Optional[Sequence[str]], timeout_s: Optional[float], more: Mapping[str, Any]
    ) -> "Tuple[str, Dict[str, Future[Receipt]], Future[None]]":
        """Says something whose receipts are awaited: its id, a future for each word, and one that is done when it is sent. Raises Fault as `Core.publish`, conflict, full."""
        if kind not in ("inform", "request"):
            raise Fault("malformed", f"type is {kind!r:.40}; it is inform or request")
        chosen = message_id or str(uuid.uuid4())
        if to == EVERYONE or is_room(to):
            raise Fault("malformed", f"{to} has no mailbox, so nothing is told of what is said there; inform says it")
        words = RECEIPT_WORDS if receipt is None else tuple(receipt)
        if words and more.get("ephemeral"):
            raise Fault("malformed", "what is ephemeral goes into no mailbox, and nothing else tells receipts: inform says it")
        futures = self._sent.begin(chosen, to, kind, words, self._core.options.request_timeout_s if timeout_s is None else timeout_s)
        try:
            sent = self._core.publish(to, kind, said, message_id=chosen, more={**more, "receipt": list(words)})
        except BaseException as error:
            self._sent.fail(chosen, error)
            raise
        sent.add_done_callback(lambda done: self._unsent(chosen, done))
        if self._sent.must_watch():
            self._thread.call(lambda: self._sent.watch(self._line))
        return chosen, futures, sent

    def mail(self, most: Optional[int], wait_ms: Optional[int], lease_ms: Optional[int], max_tokens: Optional[int]) -> Iterator[Mail]:
        """Messages one by one; from the first on, handlers and `receive` get none. Raises Fault malformed; and by the first: conflict, forbidden, not-found."""
        return self._mail(*self._wanted(most, wait_ms, lease_ms, max_tokens))

    def aio_mail(self, most: Optional[int], wait_ms: Optional[int], lease_ms: Optional[int], max_tokens: Optional[int]) -> AsyncIterator[AioMail]:
        """The same for asyncio."""
        return self._aio_mail(*self._wanted(most, wait_ms, lease_ms, max_tokens))

    def overdue(self, to: str, message_id: str) -> "Future[List[Delivery]]":
        """Where a request is that was not answered in time, if a mailbox has it. For a few at once: many that time out together wait for nobody."""
        none: "Future[List[Delivery]]" = Future()
        if to in (BROKER, EVERYONE) or is_room(to) or not self._overdue.acquire(blocking=False):
            none.set_result([])
            return none
        try:
            asked = self._core.desk("mailbox.state", {"message_id": message_id}, within_s=OVERDUE_S)
        except Fault:
            self._overdue.release()
            none.set_result([])  # nothing is known: the agent is closed
            return none
        asked.add_done_callback(lambda _: self._overdue.release())
        return then(asked, lambda answer: [one for one in deliveries_of(answer) if one.to == to])

    # What the agent tells.

    def changed(self) -> None:
        """Handlers have changed."""
        self._thread.post(self._changed)

    def next_asked(self, who: object) -> None:
        """Somebody receives the next message: the one before is done with."""
        if self._mode == "take" and self._thread.is_running:
            self._call(lambda: self._of_loop(lambda loop: loop.next_asked(who)))

    def give(self, held: Held, who: object) -> bool:
        """A message of the inbox goes to who receives it. False if it was given back meanwhile."""
        try:
            return outcome(self._given(held, who))
        except Fault:
            return False  # the agent is closed: the inbox tells why

    async def aio_give(self, held: Held, who: object) -> bool:
        """The same for asyncio."""
        try:
            return await aio_outcome(self._given(held, who))
        except Fault:
            return False

    def left(self, who: object) -> None:
        """Somebody receives no longer."""
        if self._mode == "take":
            self._quit(lambda: self._of_loop(lambda loop: loop.left(who)))

    def drain(self, within_s: float) -> "Future[None]":
        """Gives back what was not begun and finishes what was."""
        return self._quit(lambda: self._drain(within_s))

    def end(self, reason: Optional[Fault] = None) -> None:
        """Nothing is taken or told any more. Without a reason: the application has closed the agent."""
        if self._end_reason is None:
            self._end_reason = reason
        self._sent.close(reason or Fault("going-away", "this agent was closed"))
        self._thread.close(self._close)
        if reason is None:
            self._thread.join()

    # What follows runs in the link's thread.

    def _take(self, message: Message) -> bool:
        if self._sent.take(message):
            return True
        if message.sender != BROKER or not isinstance(message, Response) or not self._taking.awaits(message):
            return False
        self._thread.post(self._taking.late, message)
        return True

    def _opened(self, status: MailboxStatus, take: Optional[TakeSettings]) -> MailboxStatus:
        # Only at first: later it may be this agent's own.
        left = status.leased if self._mode == "none" else 0
        self._mode = "push" if take is None else "take"
        if take is not None or self._thread.is_running:
            self._call(lambda: self._begin(take, left))
        return status

    def _ended(self) -> None:
        self._mode = "none"
        self._thread.post(self._stop)

    def _unsent(self, message_id: str, sent: "Future[None]") -> None:
        error = None if sent.cancelled() else sent.exception()
        if error is not None:
            self._sent.fail(message_id, error)

    # What follows runs in the mailbox's thread.

    async def _begin(self, take: Optional[TakeSettings], left: int) -> None:
        self._stop()
        if take is not None and left > 0:
            self._taking_back = self._taking.start(self._taking.take_back(left))
        if take is None:
            await self._taking.give_back()
        elif not self._is_read:
            self._loop = TakeLoop(self._core, take, self._taking, self._hands)
            self._loop.changed()

    async def _of_loop(self, work: Callable[[TakeLoop], Coroutine[Any, Any, None]]) -> None:
        if self._loop is not None:
            await work(self._loop)

    async def _give(self, held: Held, who: object) -> bool:
        return self._loop is not None and await self._loop.give(held, who)

    async def _drain(self, within_s: float) -> None:
        self._taking.stop()
        work = self._taking.start(self._go_back(within_s))
        await asyncio.wait([work], timeout=max(1.0, within_s) + 1.0)  # the broker may be away
        work.cancel()

    async def _go_back(self, within_s: float) -> None:
        begun = [] if self._loop is None else [self._loop.drain(within_s)]
        await asyncio.gather(self._taking.give_back(), *begun)
        await self._taking.drain()

    def _renewed(self) -> None:
        self._sent.reconnected()

    def _changed(self) -> None:
        if self._loop is not None:
            self._loop.changed()
        elif not self._is_read and self._taking.waiting:  # the answer to a question of before
            self._taking.start(self._taking.give_back())

    def _stop(self) -> None:
        if self._loop is not None:
            self._loop.stop()
        self._loop = None

    def _close(self) -> None:
        self._stop()
        self._line.close()
        self._taking.close()

    # What follows runs in the application's threads.

    def _call(self, make: Callable[[], Coroutine[Any, Any, _T]]) -> "Future[_T]":
        self._core.check_process()
        if self._end_reason is not None:
            raise self._end_reason
        return self._thread.call(make)

    def _quit(self, make: Callable[[], Coroutine[Any, Any, None]]) -> "Future[None]":
        """Ends something, unless all has ended already."""
        nothing: "Future[None]" = Future()
        nothing.set_result(None)
        if self._core.is_forked or not self._thread.is_running:
            return nothing
        try:
            return self._call(make)
        except Fault:
            return nothing  # it has ended in this moment

    def _given(self, held: Held, who: object) -> "Future[bool]":
        return self._call(lambda: self._give(held, who))

    def _settle(self, delivery_id: str, verdict: Verdict) -> "Future[str]":
        return self._call(lambda: self._taking.settle_in_hand(delivery_id, verdict))

    def _wanted(self, most: Optional[int], wait_ms: Optional[int], lease_ms: Optional[int], max_tokens: Optional[int]) -> Tuple[Reader, int]:
        if self._mode != "take":
            raise Fault("malformed", "this agent takes no messages; connect it with mailbox='take', or open that first")
        given = {"batch": _MAIL_MAX if most is None else most, "wait_ms": wait_ms, "lease_ms": lease_ms, "max_tokens": max_tokens}
        settings = take_settings(given)
        return Reader(self._taking, settings, wait_ms is not None), settings.lease_ms

    def _mail(self, reader: Reader, lease_ms: int) -> Iterator[Mail]:
        outcome(self._call(self._read))
        reading = threading.get_ident()
        try:
            while True:
                try:
                    held = outcome(self._call(reader.next))
                except Fault as fault:
                    if not self._is_over(fault):
                        raise
                    return
                if held is None:
                    return
                reader.got()
                yield Mail(held, lease_ms, self._settle)
        finally:
            ended = self._quit(lambda: self._unread(reader))
            if threading.get_ident() == reading:  # else whatever thread collects the garbage: it must not wait
                outcome(ended)

    async def _aio_mail(self, reader: Reader, lease_ms: int) -> AsyncIterator[AioMail]:
        await aio_outcome(self._call(self._read))
        try:
            while True:
                try:
                    held = await aio_outcome(self._call(reader.next))
                except Fault as fault:
                    if not self._is_over(fault):
                        raise
                    return
                if held is None:
                    return
                reader.got()
                yield AioMail(held, lease_ms, self._settle)
        finally:
            await aio_outcome(self._quit(lambda: self._unread(reader)))

    def _is_over(self, fault: Fault) -> bool:
        """True where the application has closed the agent: an iteration ends by that."""
        return fault.code == "going-away" and self._end_reason is None

    async def _read(self) -> None:
        if self._is_read:
            raise Fault("conflict", "the messages of this mailbox are read by mail() already; end that first")
        self._is_read = True
        self._stop()
        if self._taking_back is not None:
            await asyncio.wait([self._taking_back])

    async def _unread(self, reader: Reader) -> None:
        self._is_read = False
        await reader.end()
