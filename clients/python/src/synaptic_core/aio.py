"""The same agent for asyncio. Handlers may be coroutines and run in the loop that connected."""
from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Awaitable, Callable, Coroutine, Dict, List, Optional, Type, TypeVar, Union

from .core import Core, OpenLink, zeromq
from .doors import find_doors
from .envelope import Envelope, Message, Request, Response, Said
from .fault import Fault
from .futures import then
from .listed import ListedAgent, ListedRoom, agents_of, members_of, rooms_of
from .options import AgentOptions

_T = TypeVar("_T")
_log = logging.getLogger("synaptic_core")

Answerer = Callable[[Request], Union[Optional[Said], Awaitable[Optional[Said]]]]
Listener = Callable[[Message], object]


class Agent:
    """
    See `synaptic_core.Agent`: the same calls, awaited.

        async with await Agent.connect("ada") as ada:
            print((await ada.request("bob", "hello")).text)
    """

    def __init__(self, name: str, options: AgentOptions, open_link: OpenLink) -> None:
        self.name = name
        self.dropped = 0  #: messages that came when the inbox was full: nobody took them
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._on_request: Optional[Answerer] = None
        self._on_inform: Optional[Listener] = None
        self._on_response: Optional[Listener] = None
        # bound: inbox_max · evicts: one more is dropped and counted · owner: Agent
        self._inbox: "asyncio.Queue[Optional[Message]]" = asyncio.Queue()
        # bound: answering_max · evicts: one more request is answered as full, one more inform waits in the inbox · owner: Agent
        self._under_way: "Dict[asyncio.Task[None], Optional[Request]]" = {}
        self._phase = "open"
        self._closed: "Optional[asyncio.Task[None]]" = None
        self._core = Core(name, options, self._deliver, open_link)

    @classmethod
    async def connect(
        cls, name: str, *, token: Optional[str] = None, zmq_in: Optional[str] = None, zmq_out: Optional[str] = None, data_dir: Optional[str] = None, options: AgentOptions = AgentOptions()
    ) -> Agent:
        """Returns when a round trip has come back. Raises Fault malformed (name), unavailable (no broker), unauthenticated (a name that has an owner)."""
        agent = cls(name, options, zeromq(name, token, find_doors(zmq_in, zmq_out, data_dir), options.outgoing_max))
        try:
            await agent._loop.run_in_executor(None, agent._core.ready, token is not None)
        except asyncio.CancelledError:
            agent._core.end()
            raise
        return agent

    async def request(
        self, to: str, said: Said, *, timeout_s: Optional[float] = None, message_id: Optional[str] = None, conversation_id: Optional[str] = None, priority: str = "NORMAL"
    ) -> Envelope:
        """Asks and waits for the response. Raises Fault timeout, not-found, full, malformed, conflict, and whatever the broker or the answerer says."""
        within_s = self._options.request_timeout_s if timeout_s is None else timeout_s
        return await self._wait(self._core.ask(to, said, within_s, message_id=message_id, more={"conversation_id": conversation_id, "priority": priority}), within_s, to)

    async def inform(self, to: str, said: Said, *, conversation_id: Optional[str] = None, priority: str = "NORMAL") -> None:
        """Says something that wants no answer. Raises Fault unavailable, slow-consumer."""
        await asyncio.wrap_future(self._core.publish(to, "inform", said, more={"conversation_id": conversation_id, "priority": priority}))

    async def send(self, to: str, said: Said, *, message_id: str, conversation_id: Optional[str] = None, priority: str = "NORMAL") -> None:
        """A request whose response nobody waits for: it comes to `on_response`, or to the inbox, with `in_reply_to` = `message_id`."""
        await asyncio.wrap_future(self._core.publish(to, "request", said, message_id=message_id, more={"conversation_id": conversation_id, "priority": priority}))

    async def respond(self, request: Request, said: Said) -> None:
        """Answers a request that was taken from the inbox. There is no way to answer anything else."""
        await asyncio.wrap_future(self._core.respond(request, said))

    def on_request(self, handler: Answerer) -> Answerer:
        """Answers requests: what the handler gives is the response, what it raises is told as a fault. Also a decorator."""
        self._on_request = handler
        return handler

    def on_inform(self, handler: Listener) -> Listener:
        """Takes informs. Also a decorator."""
        self._on_inform = handler
        return handler

    def on_response(self, handler: Listener) -> Listener:
        """Takes responses that no `request` waits for. Also a decorator."""
        self._on_response = handler
        return handler

    async def join(self, room: str) -> List[str]:
        """Becomes a member of a room and hears it. Gives the names of its members. Raises Fault forbidden, full, malformed."""
        self._core.subscribe(room)
        try:
            return await self._wait(then(self._core.desk("room.join", {"room": room}), members_of))
        except BaseException:
            self._core.unsubscribe(room)
            raise

    async def leave(self, room: str) -> None:
        """Raises Fault malformed, not-found."""
        await self._ask("room.leave", {"room": room})
        self._core.unsubscribe(room)

    async def create(self, room: str, *, invite_only: bool = False) -> None:
        """Makes a room and joins it. An invite-only one needs a token. Raises Fault conflict, forbidden, full, malformed."""
        await self._ask("room.create", {"room": room, "invite_only": invite_only})
        self._core.subscribe(room)

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

    async def history(self, room: str, count: int = 20) -> List[Message]:
        """The last messages of a public room, oldest first. Raises Fault not-found."""
        return await self._wait(self._core.replayed(room, count))

    def subscribe(self, topic: str) -> None:
        """Hears a topic that is no room: `$events`, a data topic."""
        self._core.subscribe(topic)

    def unsubscribe(self, topic: str) -> None:
        self._core.unsubscribe(topic)

    def __aiter__(self) -> Agent:
        """Messages that no handler takes, oldest first, until the agent is closed."""
        return self

    async def __anext__(self) -> Message:
        message = await self._inbox.get()
        if message is None:
            self._inbox.put_nowait(None)  # for whoever else iterates
            raise StopAsyncIteration
        return message

    async def close(self) -> None:
        """
        Finishes what is being answered and sent, then leaves; not to be called by a handler. A second call waits for the first.
        Raises Fault unavailable if the broker did not confirm that it has read what was said last.
        """
        if self._closed is None:
            self._closed = self._loop.create_task(self._close())
        await asyncio.shield(self._closed)

    async def __aenter__(self) -> Agent:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        await self.close()

    async def _close(self) -> None:
        self._phase = "closing"
        try:
            if self._under_way:
                await asyncio.wait(list(self._under_way), timeout=self._options.close_timeout_s)
            for task, request in list(self._under_way.items()):
                task.cancel()
                if request is not None:
                    self._refuse(request, Fault("going-away", f"{self.name} has left before it could answer"))
            await self._loop.run_in_executor(None, self._core.prove)
        finally:
            await self._loop.run_in_executor(None, self._core.end)
            self._inbox.put_nowait(None)

    async def _ask(self, kind: str, data: Dict[str, Any]) -> None:
        await self._wait(self._core.desk(kind, data))

    async def _wait(self, future: "Future[_T]", within_s: Optional[float] = None, whom: str = "the broker") -> _T:
        timeout_s = self._options.request_timeout_s if within_s is None else within_s
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), timeout_s)
        except asyncio.TimeoutError:
            raise Fault("timeout", f"{whom} did not answer within {timeout_s} s") from None

    def _deliver(self, message: Message) -> None:
        """In the link's thread."""
        try:
            self._loop.call_soon_threadsafe(self._take, message)
        except RuntimeError:
            _log.warning("%s: its loop is closed, %s was dropped", self.name, message.message_id)

    def _take(self, message: Message) -> None:
        is_full = len(self._under_way) >= self._options.answering_max
        if isinstance(message, Request):
            if self._phase != "open":
                self._refuse(message, Fault("going-away", f"{self.name} is leaving; ask it again when it is back"))
            elif self._on_request is None:
                if not self._keep(message):
                    self._refuse(message, Fault("full", f"{self.name} has as many messages waiting as it can; try again later"))
            elif is_full:
                self._refuse(message, Fault("full", f"{self.name} answers as many requests as it can; try again later"))
            else:
                self._begin(self._answer(message, self._on_request), message)
            return
        handler = self._on_response if isinstance(message, Response) else self._on_inform
        if handler is None or is_full or self._phase != "open":
            self._keep(message)
        else:
            self._begin(self._tell(message, handler), None)

    def _begin(self, work: Coroutine[Any, Any, None], request: Optional[Request]) -> None:
        task = self._loop.create_task(work)
        self._under_way[task] = request
        task.add_done_callback(lambda done: self._under_way.pop(done, None))

    def _keep(self, message: Message) -> bool:
        if self._inbox.qsize() >= self._options.inbox_max:
            self.dropped += 1
            return False
        self._inbox.put_nowait(message)
        return True

    async def _answer(self, request: Request, handler: Answerer) -> None:
        try:
            given = handler(request)
            said = await given if isinstance(given, Awaitable) else given
            await self.respond(request, "" if said is None else said)
        except Fault as fault:
            self._refuse(request, fault)
        except Exception:
            _log.exception("%s: a request handler failed (%s)", self.name, request.message_id)
            self._refuse(request, Fault("internal", "the agent failed to answer"))

    async def _tell(self, message: Message, handler: Listener) -> None:
        try:
            done = handler(message)
            if isinstance(done, Awaitable):
                await done
        except Exception:
            _log.exception("%s: a handler failed (%s)", self.name, message.message_id)

    def _refuse(self, request: Request, fault: Fault) -> None:
        try:
            self._core.refuse(request, fault)
        except Fault as failed:
            _log.warning("%s: a request could not be refused: %s", self.name, failed)
