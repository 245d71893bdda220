"""The same agent for asyncio. Handlers may be coroutines and run in the loop that connected."""
from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Dict, List, Optional, Sequence, Type, TypeVar, Union

from .aio_handling import Answerer, Handling, Listener
from .aio_inbox import AioInbox
from .core import Core, OpenLink, zeromq
from .doors import find_doors
from .envelope import Envelope, Message, Request, Said
from .fault import Fault
from .futures import then
from .listed import Cursor, ListedAgent, ListedRoom, Past, agents_of, history_asked, members_of, rooms_of
from .options import AgentOptions
from .patience import slices
from .saying import Expiry, fields_of

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

    @classmethod
    async def connect(
        cls, name: str, *, token: Optional[str] = None, zmq_in: Optional[str] = None, zmq_out: Optional[str] = None, data_dir: Optional[str] = None, options: AgentOptions = AgentOptions()
    ) -> Agent:
        """Returns when a round trip has come back. Raises Fault malformed (name), unavailable (no broker), unauthenticated (a name that has an owner), conflict (another program has it)."""
        agent = cls(name, options, zeromq(name, token, find_doors(zmq_in, zmq_out, data_dir), options))
        try:
            await agent._loop.run_in_executor(None, agent._core.ready, token is not None)
        except asyncio.CancelledError:
            agent._core.end()
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
        return await self._wait(self._core.ask(to, said, within_s, message_id=message_id, more=more), within_s, to)

    async def inform(
        self, to: str, said: Said, *, conversation_id: Optional[str] = None, priority: str = "NORMAL",
        expires_at: Optional[Expiry] = None, expires_in_s: Optional[float] = None, receipt: Optional[Sequence[str]] = None, ephemeral: bool = False,
    ) -> None:
        """Says something that wants no answer. Raises Fault unavailable, slow-consumer."""
        more = fields_of(conversation_id=conversation_id, priority=priority, expires_at=expires_at, expires_in_s=expires_in_s, receipt=receipt, ephemeral=ephemeral)
        await asyncio.wrap_future(self._core.publish(to, "inform", said, more=more))

    async def send(
        self, to: str, said: Said, *, message_id: str, conversation_id: Optional[str] = None, priority: str = "NORMAL",
        expires_at: Optional[Expiry] = None, expires_in_s: Optional[float] = None, receipt: Optional[Sequence[str]] = None, ephemeral: bool = False,
    ) -> None:
        """A request whose response nobody waits for: it comes to `on_response`, or to the inbox, with `in_reply_to` = `message_id`."""
        more = fields_of(conversation_id=conversation_id, priority=priority, expires_at=expires_at, expires_in_s=expires_in_s, receipt=receipt, ephemeral=ephemeral)
        await asyncio.wrap_future(self._core.publish(to, "request", said, message_id=message_id, more=more))

    async def respond(self, request: Request, said: Said) -> None:
        """Answers a request that was taken from the inbox. There is no way to answer anything else."""
        await asyncio.wrap_future(self._core.respond(request, said))

    def on_request(self, handler: Answerer) -> Answerer:
        """Answers requests: what the handler gives is the response, what it raises is told as a fault. Also a decorator."""
        self._handling.on_request = handler
        return handler

    def on_inform(self, handler: Listener) -> Listener:
        """Takes informs, one after the other: the next waits until the handler is done. Also a decorator."""
        self._handling.on_inform = handler
        return handler

    def on_response(self, handler: Listener) -> Listener:
        """Takes responses that no `request` waits for, one after the other. Also a decorator."""
        self._handling.on_response = handler
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

    def subscribe(self, topic: str) -> None:
        """Hears a topic that is no room: `$events`, a data topic."""
        self._core.subscribe(topic)

    def unsubscribe(self, topic: str) -> None:
        self._core.unsubscribe(topic)

    async def receive(self, timeout_s: Optional[float] = None) -> Optional[Message]:
        """The oldest message that no handler takes; None after `timeout_s`, or when the agent is closed. Raises the Fault that ended the connection, if the application did not."""
        self._core.check_process()
        end = None if timeout_s is None else self._loop.time() + timeout_s
        while True:
            message = await self._inbox.take(None if end is None else end - self._loop.time())
            if not self._core.is_late(message):
                return message

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
        try:
            self._loop.call_soon_threadsafe(self._inbox.close, fault)
        except RuntimeError:
            _log.warning("%s: its loop is closed, nobody hears of it", self.name)

    async def _close(self) -> None:
        try:
            await self._handling.end(self._options.close_timeout_s)
            await self._loop.run_in_executor(None, self._core.prove)
        finally:
            await self._loop.run_in_executor(None, self._core.end)
            self._inbox.close()

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
