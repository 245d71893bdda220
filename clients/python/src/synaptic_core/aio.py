"""The same agent for asyncio. Handlers may be coroutines and run in the loop that connected."""
from __future__ import annotations

import asyncio
import logging
import uuid
from concurrent.futures import Future
from types import TracebackType
from typing import Any, AsyncIterator, Dict, List, Optional, Sequence, Type, TypeVar, Union

from .aio_handling import Answerer, Handling, Listener
from .aio_inbox import AioInbox
from .core import Core, OpenLink, zeromq
from .doors import find_doors
from .envelope import Envelope, Message, Request, Said
from .fault import Fault
from .futures import then
from .listed import Cursor, ListedAgent, ListedRoom, Past, agents_of, history_asked, members_of, rooms_of
from .mail import AioMail, aio_outcome
from .mail_answers import Delivery, Held, MailboxStatus, PeekedPage, Receipt
from .mailbox import OVERDUE_S, Mailbox
from .mailbox_options import MailboxOption
from .options import AgentOptions
from .patience import slices
from .saying import Expiry, fields_of
from .sent import Sent, overdue_fault

_T = TypeVar("_T")
_log = logging.getLogger("synaptic_core")


class Agent:
    """
    See `synaptic_core.Agent`: the same calls, awaited.

        async with await Agent.connect("ada") as ada:
            print((await ada.request("bob", "hello")).text)
    """

    def __init__(self, name: str, options: AgentOptions, open_link: OpenLink) -> None:
        self.name = name
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._inbox = AioInbox(options.inbox_max, self._loop)
        self._closed: "Optional[asyncio.Task[None]]" = None
        self._core = Core(name, options, lambda message: self._handling.deliver(message), self._ended, open_link)  # hears nothing before `ready`
        self._handling = Handling(self._core, self._inbox, self._loop)
        self._mailbox = Mailbox(self._core, self._handling)

    @classmethod
    async def connect(
        cls, name: str, *, token: Optional[str] = None, zmq_in: Optional[str] = None, zmq_out: Optional[str] = None, data_dir: Optional[str] = None, options: AgentOptions = AgentOptions(),
        mailbox: MailboxOption = False,
    ) -> Agent:
        """Returns when a round trip has come back. Raises Fault malformed (name), unavailable (no broker), unauthenticated (a name that has an owner), conflict (another program has it). `mailbox`: as `open_mailbox`, before it returns."""
        agent = cls(name, options, zeromq(name, token, find_doors(zmq_in, zmq_out, data_dir), options))
        try:
            await agent._loop.run_in_executor(None, agent._core.ready, token is not None)
            if mailbox is not False:
                await agent.open_mailbox(mailbox)
        except BaseException:
            agent._end()
            raise
        return agent

    @property
    def dropped(self) -> int:
        """Messages that nobody took: there was no room for them, or they were requests that came after their `expires_at`."""
        return self._core.drops.count

    async def request(
        self, to: str, said: Said, *, timeout_s: Optional[float] = None, message_id: Optional[str] = None, conversation_id: Optional[str] = None, priority: str = "NORMAL",
        expires_at: Optional[Expiry] = None, expires_in_s: Optional[float] = None, receipt: Optional[Sequence[str]] = None, ephemeral: bool = False,
    ) -> Envelope:
        """Asks and waits for the response. Raises Fault timeout, not-found, full, malformed, conflict, and whatever the broker or the answerer says."""
        within_s = self._options.request_timeout_s if timeout_s is None else timeout_s
        more = fields_of(conversation_id=conversation_id, priority=priority, expires_at=expires_at, expires_in_s=expires_in_s, receipt=receipt, ephemeral=ephemeral)
        chosen = str(uuid.uuid4()) if message_id is None else message_id
        answer = self._core.ask(to, said, within_s, message_id=chosen, more=more)
        try:
            return await self._wait(answer, within_s, to)
        except Fault as fault:
            if fault.code != "timeout" or "state" in fault.detail:
                raise
            raise await self._overdue(to, chosen) or fault

    async def inform(
        self, to: str, said: Said, *, conversation_id: Optional[str] = None, priority: str = "NORMAL",
        expires_at: Optional[Expiry] = None, expires_in_s: Optional[float] = None, receipt: Optional[Sequence[str]] = None, ephemeral: bool = False,
    ) -> None:
        """Says something that wants no answer. Raises Fault unavailable, slow-consumer."""
        more = fields_of(conversation_id=conversation_id, priority=priority, expires_at=expires_at, expires_in_s=expires_in_s, receipt=receipt, ephemeral=ephemeral)
        await asyncio.wrap_future(self._core.publish(to, "inform", said, more=more))

    async def send(
        self, to: str, said: Said, *, type: str = "inform", message_id: Optional[str] = None, timeout_s: Optional[float] = None, conversation_id: Optional[str] = None,
        priority: str = "NORMAL", expires_at: Optional[Expiry] = None, expires_in_s: Optional[float] = None, receipt: Optional[Sequence[str]] = None, ephemeral: bool = False,
    ) -> "Sent[asyncio.Future[Receipt]]":
        """
        Says something to an agent with a mailbox, and tells by futures what becomes of it: `await sent.stored`, it cannot be lost any more; `await sent.settled`, it
        is handled, or nothing will come of it. `receipt`: which of them; both if absent. The response to `type="request"` comes to `on_response`, or to the inbox,
        whenever it comes. A first word is waited for as long as `timeout_s` says. Raises Fault unavailable, slow-consumer, conflict, full.
        """
        more = fields_of(conversation_id=conversation_id, priority=priority, expires_at=expires_at, expires_in_s=expires_in_s, receipt=receipt, ephemeral=ephemeral)
        chosen, futures, sent = self._mailbox.send(to, said, type, message_id, receipt, timeout_s, more)
        await asyncio.wrap_future(sent)
        return Sent(chosen, {word: _quiet(asyncio.wrap_future(future)) for word, future in futures.items()})

    async def respond(self, request: Union[Request, AioMail], said: Said) -> None:
        """Answers a request that was taken from the inbox, or the mailbox. There is no way to answer anything else."""
        asked: Any = request.message if isinstance(request, AioMail) else request  # what is no request is refused
        await asyncio.wrap_future(self._core.respond(asked, said))

    def on_request(self, handler: Answerer) -> Answerer:
        """Answers requests: what the handler gives is the response, what it raises is told as a fault. Also a decorator."""
        self._handling.on_request = handler
        self._handler_set()
        return handler

    def on_inform(self, handler: Listener) -> Listener:
        """Takes informs, one after the other: the next waits until the handler is done. Also a decorator."""
        self._handling.on_inform = handler
        self._handler_set()
        return handler

    def on_response(self, handler: Listener) -> Listener:
        """Takes responses that no `request` waits for, one after the other. Also a decorator."""
        self._handling.on_response = handler
        self._handler_set()
        return handler

    async def join(self, room: str) -> List[str]:
        """Becomes a member of a room and hears it. Gives the names of its members. Raises Fault forbidden, full, malformed."""
        return await self._wait(then(self._core.joined(room), members_of))

    async def leave(self, room: str) -> None:
        """Raises Fault malformed, not-found."""
        await self._ask("room.leave", {"room": room})
        self._core.unsubscribe(room)

    async def create(self, room: str, *, invite_only: bool = False, durable: Union[bool, Dict[str, int]] = False) -> None:
        """
        Makes a room and joins it. `durable`: it remembers what is said, as long and as much as is usual or as `keep_s`, `max`, `max_bytes` say.
        An invite-only or durable one needs a token. Raises Fault conflict, forbidden, full, malformed.
        """
        asked: Dict[str, Any] = {"room": room, "invite_only": invite_only}
        if durable is not False:
            asked["durable"] = durable
        await self._ask("room.create", asked)
        self._core.subscribe(room)

    async def keep(self, room: str, durable: Union[bool, Dict[str, int]] = True) -> None:
        """
        Makes a room durable, changes how much it remembers (`keep_s`, `max`, `max_bytes`), or ends that (False): what it remembers is gone then.
        For who made it, with a token, and the operator. Raises Fault conflict, forbidden, full, malformed, not-found, unavailable.
        """
        await self._ask("room.keep", {"room": room, "durable": durable})

    async def invite(self, room: str, agent: str) -> None:
        """Lets somebody into an invite-only room. Raises Fault forbidden, not-found."""
        await self._ask("room.invite", {"room": room, "agent": agent})

    async def members(self, room: str) -> List[str]:
        """Names of those who are in a room. Raises Fault not-found."""
        return await self._wait(then(self._core.desk("room.members", {"room": room}), members_of))

    async def rooms(self) -> List[ListedRoom]:
        """Rooms that this agent may know of."""
        return await self._wait(then(self._core.desk("rooms.list"), rooms_of))

    async def agents(self) -> List[ListedAgent]:
        """Agents that are online, in whatever dialect."""
        return await self._wait(then(self._core.desk("agents.list"), agents_of))

    async def history(self, room: str, count: Optional[int] = None, *, after: Union[Cursor, str, None] = None, limit: Optional[int] = None) -> Past:
        """
        The last messages of a room (20), oldest first; of a durable one those behind the cursor `after`, at most `limit`. "last": what was not handed over to this name, which needs a token.
        Raises Fault not-found, forbidden, malformed.
        """
        return await self._wait(self._core.replayed(history_asked(room, count, after, limit)))

    async def open_mailbox(self, mailbox: MailboxOption = True) -> MailboxStatus:
        """Opens this agent's mailbox, or changes it. Raises Fault malformed, forbidden (the name is not proved), full, unavailable."""
        return await self._wait(self._mailbox.open(mailbox))

    async def close_mailbox(self, *, discard: bool = False) -> None:
        """Nothing more is kept. Raises Fault conflict (something waits, and `discard` is not said), forbidden, not-found."""
        await self._wait(self._mailbox.close_box(discard))

    async def mailbox_status(self) -> MailboxStatus:
        """Raises Fault not-found."""
        return await self._wait(self._mailbox.status())

    async def peek(self, *, after: Optional[Cursor] = None, max: Optional[int] = None, dead: bool = False) -> PeekedPage:
        """Looks at what waits, or is dead, and changes nothing. Raises Fault not-found, malformed."""
        return await self._wait(self._mailbox.peek(after, max, dead))

    async def message_state(self, message_id: str) -> List[Delivery]:
        """Where a message of this agent's stands, in whichever mailboxes it lies; empty if none has it."""
        return await self._wait(self._mailbox.state(message_id))

    def mail(self, *, max: Optional[int] = None, wait_ms: Optional[int] = None, lease_ms: Optional[int] = None, max_tokens: Optional[int] = None) -> AsyncIterator[AioMail]:
        """Messages of a mailbox in take mode, one by one: `async for`. See `synaptic_core.Agent.mail`. Raises Fault malformed, conflict."""
        return self._mailbox.aio_mail(max, wait_ms, lease_ms, max_tokens)

    def subscribe(self, topic: str) -> None:
        """Hears a topic that is no room: `$events`, a data topic, or as a tap (`""`) what passes: by a token with scope
        `observe` what is public, with `inspect` direct messages and invite-only rooms, too."""
        self._core.subscribe(topic)

    def unsubscribe(self, topic: str) -> None:
        self._core.unsubscribe(topic)

    async def receive(self, timeout_s: Optional[float] = None) -> Optional[Message]:
        """
        The oldest message that no handler takes; None after `timeout_s`, or when the agent is closed. One out of the mailbox is done with when the agent receives
        again, and else comes again: let one task receive, or use `mail`. Raises the Fault that ended the connection, if the application did not.
        """
        self._core.check_process()
        self._mailbox.next_asked(self)
        end = None if timeout_s is None else self._loop.time() + timeout_s
        while True:
            found = await self._inbox.take(None if end is None else end - self._loop.time())
            if isinstance(found, Held):
                if await self._mailbox.aio_give(found, self):
                    return found.message
            elif not self._core.is_late(found):
                return found

    def __aiter__(self) -> Agent:
        """Messages that no handler takes, oldest first, until the agent is closed. Raises as `receive`."""
        return self

    async def __anext__(self) -> Message:
        message = await self.receive()
        if message is None:
            raise StopAsyncIteration
        return message

    async def close(self) -> None:
        """
        Finishes what is being answered and sent, then leaves; not to be called by a handler. A second call waits for the first.
        Raises Fault unavailable if the broker did not confirm that it has read what was said last. In a forked child it does nothing.
        """
        if self._core.is_forked:
            return
        if self._closed is None:
            self._closed = self._loop.create_task(self._close())
        await asyncio.shield(self._closed)

    async def __aenter__(self) -> Agent:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        try:
            await self.close()
        except Fault as fault:
            if error is None:
                raise
            _log.warning("%s: %s", self.name, fault)  # what ended the block is the news

    def _ended(self, fault: Fault) -> None:
        """In the link's thread: nothing will arrive any more."""
        self._mailbox.end(fault)
        try:
            self._loop.call_soon_threadsafe(self._inbox.close, fault)
        except RuntimeError:
            _log.warning("%s: its loop is closed, nobody hears of it", self.name)

    async def _close(self) -> None:
        try:
            drained = self._mailbox.drain(self._options.close_timeout_s)
            await self._handling.end(self._options.close_timeout_s)
            await aio_outcome(drained)
            await self._loop.run_in_executor(None, self._core.prove)
        finally:
            await self._loop.run_in_executor(None, self._end)
            self._inbox.close()

    def _handler_set(self) -> None:
        self._handling.claim()
        self._mailbox.changed()

    def _end(self) -> None:
        self._mailbox.end()
        self._core.end()

    async def _overdue(self, to: str, message_id: str) -> Optional[Fault]:
        try:
            return overdue_fault(await self._wait(self._mailbox.overdue(to, message_id), OVERDUE_S))
        except Fault:
            return None  # it is not known whether a mailbox has it

    async def _ask(self, kind: str, data: Dict[str, Any]) -> None:
        await self._wait(self._core.desk(kind, data))

    async def _wait(self, future: "Future[_T]", within_s: Optional[float] = None, whom: str = "the broker") -> _T:
        timeout_s = self._options.request_timeout_s if within_s is None else within_s
        waiting = asyncio.wrap_future(future)
        try:
            for wait_s in slices(timeout_s):
                await asyncio.wait([waiting], timeout=wait_s)
                if waiting.done():
                    return waiting.result()
            raise Fault("timeout", f"{whom} did not answer within {timeout_s} s")
        finally:
            waiting.cancel()


def _quiet(future: "asyncio.Future[_T]") -> "asyncio.Future[_T]":
    """What fails and is awaited by nobody is no news."""
    future.add_done_callback(lambda done: None if done.cancelled() else done.exception())
    return future
