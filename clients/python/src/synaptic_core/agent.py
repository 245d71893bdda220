"""The blocking agent."""
from __future__ import annotations

import logging
import threading
import time
import uuid
from concurrent.futures import Future, TimeoutError as Late
from types import TracebackType
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Type, TypeVar, Union

from .answering import Answerer, Answering, Listener
from .core import Core, OpenLink, zeromq
from .doors import find_doors
from .envelope import Envelope, Message, Request, Response, Said
from .fault import Fault
from .futures import then
from .inbox import Inbox
from .listed import Cursor, ListedAgent, ListedRoom, Past, agents_of, history_asked, members_of, rooms_of
from .mail import Mail, outcome
from .mail_answers import Delivery, Held, MailboxStatus, PeekedPage, Receipt
from .mailbox import OVERDUE_S, Mailbox
from .mailbox_options import MailboxOption
from .options import AgentOptions
from .patience import slices
from .saying import Expiry, fields_of
from .sent import Sent, overdue_fault

_T = TypeVar("_T")
_H = TypeVar("_H", bound=Callable[..., Any])
_log = logging.getLogger("synaptic_core")


class Agent:
    """
    An agent: asks, answers, informs. For any number of threads; handlers run in threads of their own and may ask others.

        with Agent.connect("ada") as ada:
            print(ada.request("bob", "hello").text)
    """

    def __init__(self, name: str, options: AgentOptions, open_link: OpenLink) -> None:
        self.name = name
        self._options = options
        self._on_request: Optional[Answerer] = None
        self._on_inform: Optional[Listener] = None
        self._on_response: Optional[Listener] = None
        self._inbox = Inbox(options.inbox_max)
        self._order = threading.RLock()  # what comes while a handler is set waits until it has what came before
        self._closing = threading.Lock()
        self._is_closed = False
        self._core = Core(name, options, lambda message: self._take(message), self._failed, open_link)  # hears nothing before `ready`
        self._answering = Answering(self._core)
        self._mailbox = Mailbox(self._core, _Hands(self))

    @classmethod
    def connect(
        cls, name: str, *, token: Optional[str] = None, zmq_in: Optional[str] = None, zmq_out: Optional[str] = None, data_dir: Optional[str] = None, options: AgentOptions = AgentOptions(),
        mailbox: MailboxOption = False,
    ) -> Agent:
        """
        Connects over ZeroMQ. Returns when a round trip through the broker has come back on the agent's own topic: nothing said or awaited from
        here on is lost to a slow start. `token`: the agent's ZeroMQ token (broker token NAME). Without addresses: those of the broker that runs
        on this machine. Raises Fault malformed (name), unavailable (no broker), unauthenticated (a name that has an owner), conflict (another
        program is connected under the name, and `AgentOptions.exclusive` is not False). `mailbox`: as `open_mailbox`, before it returns.
        """
        agent = cls(name, options, zeromq(name, token, find_doors(zmq_in, zmq_out, data_dir), options))
        agent._core.ready(token is not None)
        if mailbox is not False:
            try:
                agent.open_mailbox(mailbox)
            except BaseException:
                agent._end()
                raise
        return agent

    @property
    def dropped(self) -> int:
        """Messages that nobody took: there was no room for them, or they were requests that came after their `expires_at`."""
        return self._core.drops.count

    def request(
        self, to: str, said: Said, *, timeout_s: Optional[float] = None, message_id: Optional[str] = None, conversation_id: Optional[str] = None, priority: str = "NORMAL",
        expires_at: Optional[Expiry] = None, expires_in_s: Optional[float] = None, receipt: Optional[Sequence[str]] = None, ephemeral: bool = False,
    ) -> Envelope:
        """Asks and waits for the response. Raises Fault timeout, not-found, full, malformed, conflict, and whatever the broker or the answerer says."""
        within_s = self._options.request_timeout_s if timeout_s is None else timeout_s
        more = fields_of(conversation_id=conversation_id, priority=priority, expires_at=expires_at, expires_in_s=expires_in_s, receipt=receipt, ephemeral=ephemeral)
        chosen = str(uuid.uuid4()) if message_id is None else message_id
        answer = self._core.ask(to, said, within_s, message_id=chosen, more=more)
        try:
            return self._wait(answer, within_s, to)
        except Fault as fault:
            if fault.code != "timeout" or "state" in fault.detail:
                raise
            raise self._overdue(to, chosen) or fault

    def inform(
        self, to: str, said: Said, *, conversation_id: Optional[str] = None, priority: str = "NORMAL",
        expires_at: Optional[Expiry] = None, expires_in_s: Optional[float] = None, receipt: Optional[Sequence[str]] = None, ephemeral: bool = False,
    ) -> None:
        """Says something that wants no answer. Returns when the transport has taken it. Raises Fault unavailable, slow-consumer."""
        more = fields_of(conversation_id=conversation_id, priority=priority, expires_at=expires_at, expires_in_s=expires_in_s, receipt=receipt, ephemeral=ephemeral)
        self._core.publish(to, "inform", said, more=more).result()

    def send(
        self, to: str, said: Said, *, type: str = "inform", message_id: Optional[str] = None, timeout_s: Optional[float] = None, conversation_id: Optional[str] = None,
        priority: str = "NORMAL", expires_at: Optional[Expiry] = None, expires_in_s: Optional[float] = None, receipt: Optional[Sequence[str]] = None, ephemeral: bool = False,
    ) -> "Sent[Future[Receipt]]":
        """
        Says something to an agent with a mailbox, and tells by futures what becomes of it: `stored`, it cannot be lost any more; `settled`, it is handled, or
        nothing will come of it. `receipt`: which of them; both if absent. The response to `type="request"` comes to `on_response`, or to the inbox, whenever it
        comes. A first word is waited for as long as `timeout_s` says. Returns when the transport has taken it. Raises Fault unavailable, slow-consumer, conflict, full.
        """
        more = fields_of(conversation_id=conversation_id, priority=priority, expires_at=expires_at, expires_in_s=expires_in_s, receipt=receipt, ephemeral=ephemeral)
        chosen, futures, sent = self._mailbox.send(to, said, type, message_id, receipt, timeout_s, more)
        sent.result()
        return Sent(chosen, futures)

    def respond(self, request: Union[Request, Mail], said: Said) -> None:
        """Answers a request that was taken from the inbox, or the mailbox. There is no way to answer anything else."""
        asked: Any = request.message if isinstance(request, Mail) else request  # what is no request is refused
        self._core.respond(asked, said).result()

    def on_request(self, handler: Answerer) -> Answerer:
        """Answers requests: what the handler returns is the response, what it raises is told as a fault. Also a decorator."""
        return self._set("_on_request", handler)

    def on_inform(self, handler: Listener) -> Listener:
        """Takes informs, one after the other. Also a decorator."""
        return self._set("_on_inform", handler)

    def on_response(self, handler: Listener) -> Listener:
        """Takes responses that no `request` waits for, one after the other. Also a decorator."""
        return self._set("_on_response", handler)

    def join(self, room: str) -> List[str]:
        """Becomes a member of a room, which is made if it is not there, and hears it. Gives the names of its members. Raises Fault forbidden, full, malformed."""
        return self._wait(then(self._core.joined(room), members_of))

    def leave(self, room: str) -> None:
        """Raises Fault malformed, not-found."""
        self._ask("room.leave", {"room": room})
        self._core.unsubscribe(room)

    def create(self, room: str, *, invite_only: bool = False, durable: Union[bool, Dict[str, int]] = False) -> None:
        """
        Makes a room and joins it. `durable`: it remembers what is said, as long and as much as is usual or as `keep_s`, `max`, `max_bytes` say.
        An invite-only or durable one needs a token. Raises Fault conflict, forbidden, full, malformed.
        """
        asked: Dict[str, Any] = {"room": room, "invite_only": invite_only}
        if durable is not False:
            asked["durable"] = durable
        self._ask("room.create", asked)
        self._core.subscribe(room)

    def keep(self, room: str, durable: Union[bool, Dict[str, int]] = True) -> None:
        """
        Makes a room durable, changes how much it remembers (`keep_s`, `max`, `max_bytes`), or ends that (False): what it remembers is gone then.
        For who made it, with a token, and the operator. Raises Fault conflict, forbidden, full, malformed, not-found, unavailable.
        """
        self._ask("room.keep", {"room": room, "durable": durable})

    def invite(self, room: str, agent: str) -> None:
        """Lets somebody into an invite-only room. Raises Fault forbidden, not-found."""
        self._ask("room.invite", {"room": room, "agent": agent})

    def members(self, room: str) -> List[str]:
        """Names of those who are in a room. Raises Fault not-found."""
        return self._wait(then(self._core.desk("room.members", {"room": room}), members_of))

    def rooms(self) -> List[ListedRoom]:
        """Rooms that this agent may know of."""
        return self._wait(then(self._core.desk("rooms.list"), rooms_of))

    def agents(self) -> List[ListedAgent]:
        """Agents that are online, in whatever dialect."""
        return self._wait(then(self._core.desk("agents.list"), agents_of))

    def history(self, room: str, count: Optional[int] = None, *, after: Union[Cursor, str, None] = None, limit: Optional[int] = None) -> Past:
        """
        The last messages of a room (20), oldest first; of a durable one those behind the cursor `after`, at most `limit`. "last": what was not handed over to this name, which needs a token.
        Raises Fault not-found, forbidden, malformed.
        """
        return self._wait(self._core.replayed(history_asked(room, count, after, limit)))

    def open_mailbox(self, mailbox: MailboxOption = True) -> MailboxStatus:
        """
        Opens this agent's mailbox, or changes it: what is said to the agent while it is away is kept for it, until it is closed.
        Raises Fault malformed, forbidden (the name is not proved), full, unavailable.
        """
        return self._wait(self._mailbox.open(mailbox))

    def close_mailbox(self, *, discard: bool = False) -> None:
        """Nothing more is kept. Raises Fault conflict (something waits, and `discard` is not said), forbidden, not-found."""
        self._wait(self._mailbox.close_box(discard))

    def mailbox_status(self) -> MailboxStatus:
        """Raises Fault not-found."""
        return self._wait(self._mailbox.status())

    def peek(self, *, after: Optional[Cursor] = None, max: Optional[int] = None, dead: bool = False) -> PeekedPage:
        """Looks at what waits, or is dead, and changes nothing. Raises Fault not-found, malformed."""
        return self._wait(self._mailbox.peek(after, max, dead))

    def message_state(self, message_id: str) -> List[Delivery]:
        """Where a message of this agent's stands, in whichever mailboxes it lies; empty if none has it."""
        return self._wait(self._mailbox.state(message_id))

    def mail(self, *, max: Optional[int] = None, wait_ms: Optional[int] = None, lease_ms: Optional[int] = None, max_tokens: Optional[int] = None) -> Iterator[Mail]:
        """
        Messages of a mailbox in take mode, one by one; handlers and `receive` get none from then on. `max`: how many are taken at once, 10 if absent. `wait_ms`: it
        ends when none comes for so long; it goes on for ever if absent. What was taken and not given out is given back when it ends. Raises Fault malformed, conflict.
        """
        return self._mailbox.mail(max, wait_ms, lease_ms, max_tokens)

    def subscribe(self, topic: str) -> None:
        """Hears a topic that is no room: `$events`, a data topic, or as a tap (`""`) what passes: by a token with scope
        `observe` what is public, with `inspect` direct messages and invite-only rooms, too."""
        self._core.subscribe(topic)

    def unsubscribe(self, topic: str) -> None:
        self._core.unsubscribe(topic)

    def receive(self, timeout_s: Optional[float] = None) -> Optional[Message]:
        """
        The oldest message that no handler takes; None after `timeout_s`, or when the agent is closed. One out of the mailbox is done with when the same thread receives
        again, and else comes again. Raises the Fault that ended the connection, if the application did not.
        """
        self._core.check_process()
        who = threading.get_ident()
        self._mailbox.next_asked(who)
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            found = self._inbox.take(None if end is None else max(0.0, end - time.monotonic()))
            if isinstance(found, Held):
                if self._mailbox.give(found, who):
                    return found.message
            elif not self._core.is_late(found):
                return found

    def __iter__(self) -> Iterator[Message]:
        """Messages that no handler takes, oldest first, until the agent is closed. Raises as `receive`."""
        try:
            while True:
                message = self.receive()
                if message is None:
                    return
                yield message
        finally:
            self._mailbox.left(threading.get_ident())

    def close(self) -> None:
        """
        Finishes what is being answered and sent, then leaves; not to be called by a handler. A second call waits for the first.
        Raises Fault unavailable if the broker did not confirm that it has read what was said last. In a forked child it does nothing.
        """
        if self._core.is_forked:
            return
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
            try:
                drained = self._mailbox.drain(self._options.close_timeout_s)
                self._answering.end(self._options.close_timeout_s)
                outcome(drained)
                self._core.prove()
            finally:
                self._end()

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        try:
            self.close()
        except Fault as fault:
            if error is None:
                raise
            _log.warning("%s: %s", self.name, fault)  # what ended the block is the news

    def _end(self) -> None:
        self._mailbox.end()
        self._core.end()
        self._inbox.close()

    def _failed(self, fault: Fault) -> None:
        """In the link's thread: nothing will arrive any more."""
        self._mailbox.end(fault)
        self._inbox.close(fault)

    def _overdue(self, to: str, message_id: str) -> Optional[Fault]:
        try:
            return overdue_fault(self._wait(self._mailbox.overdue(to, message_id), OVERDUE_S))
        except Fault:
            return None  # it is not known whether a mailbox has it

    def _ask(self, kind: str, data: Dict[str, Any]) -> None:
        self._wait(self._core.desk(kind, data))

    def _wait(self, future: "Future[_T]", within_s: Optional[float] = None, whom: str = "the broker") -> _T:
        timeout_s = self._options.request_timeout_s if within_s is None else within_s
        try:
            for wait_s in slices(timeout_s):
                try:
                    return future.result(wait_s)
                except Late:
                    if future.done():
                        raise
            if not future.cancel():
                return future.result()  # it came at the last moment
            raise Fault("timeout", f"{whom} did not answer within {timeout_s} s")
        except BaseException:
            future.cancel()  # Ctrl-C: nobody waits any longer
            raise

    def _set(self, which: str, handler: _H) -> _H:
        """A handler takes first what came before it was there."""
        with self._order:
            setattr(self, which, handler)
            for message in self._inbox.claim(lambda one: self._handler_of(one) is not None):
                if not self._core.is_late(message):
                    self._give(message)
        self._mailbox.changed()
        return handler

    def _take(self, message: Message) -> None:
        """In the link's thread: nothing here may wait."""
        with self._order:
            self._give(message)

    def _give(self, message: Message) -> None:
        if isinstance(message, Request):
            if self._on_request is not None:
                self._answering.answer(message, self._on_request)
            elif not self._keep(message):
                self._answering.refuse(message, Fault("full", f"{self.name} has as many messages waiting as it can; try again later"))
            return
        handler = self._handler_of(message)
        if handler is None or not self._answering.is_open:
            self._keep(message)
        else:
            self._answering.tell(message, handler)

    def _handler_of(self, message: Message) -> Optional[Callable[[Any], Any]]:
        if isinstance(message, Request):
            return self._on_request
        return self._on_response if isinstance(message, Response) else self._on_inform

    def _keep(self, message: Message) -> bool:
        is_kept = self._inbox.put(message)
        if not is_kept:
            self._core.drops.no_room(message, self._options.inbox_max)
        return is_kept


class _Hands:
    """Where messages out of the mailbox go: to the threads of the handlers, or the inbox."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.handler_of = agent._handler_of
        self.run = agent._answering.run
        self.keep = agent._inbox.keep
        self.withdraw = agent._inbox.withdraw

    def has_handlers(self) -> bool:
        agent = self._agent
        return any(handler is not None for handler in (agent._on_request, agent._on_inform, agent._on_response))
