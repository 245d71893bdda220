"""An agent of the network: seals what it says, and knows what was processed."""
from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from types import TracebackType
from typing import Any, Callable, Dict, List, Mapping, Optional, Type, TypeVar

from ..fault import Fault
from .composing import composed
from .contents import parameters_problem
from .delivery import DeliveryReport, SentMessage
from .desk import Desk
from .frames import ID_MAX, Frame, new_id, now_ms
from .handlers import Handler, Handlers
from .line import Line
from .login import Login, Token
from .message import AnswerError, NetworkMessage
from .metrics import MessageLog, Metrics
from .options import NetworkOptions
from .parts import Parts, build_parts
from .proposals import end_of
from .refusals import read_refusal
from .security import SecurityEvent, SecurityEvents, key_has_changed
from .sodium import fingerprint
from .transcript import TranscriptEntry

_log = logging.getLogger("synaptic_core.network")
_Listener = TypeVar("_Listener", bound=Callable[..., None])

_VOTES = ("coordination.vote", "coordination.result")  #: what the broker tells of votes that it holds; handlers hear it


class SecureAgent:
    """
    One agent of Agent Network, end-to-end encrypted.

        async with SecureAgent(url, token, "agent_alice", passphrase="…") as alice:
            answer = await alice.query("agent_bob", "AVAILABILITY", {"startDate": "2030-06-01", "endDate": "2030-06-07"})

    `token`: a text, or a function, which may be a coroutine, that brings fresh ones. With a `passphrase` its keys and all
    that waits are kept, encrypted, in the file `store`; without one they end with the program. Handlers that are
    registered before the first `await` miss nothing.
    """

    def __init__(
        self, url: str, token: Token, agent_id: str, *, passphrase: Optional[str] = None, store: Optional[str] = None, options: NetworkOptions = NetworkOptions(), ssl: Any = None,
    ) -> None:
        """`ssl`: a context for wss, where the machine's own is not right. Raises Fault malformed, ImportError with the names of missing packages."""
        if not isinstance(agent_id, str) or not 1 <= len(agent_id) <= ID_MAX or agent_id in ("system", "all"):
            raise Fault("malformed", f"an agent's id is a text of 1–{ID_MAX} characters, and not system or all")
        self.agent_id = agent_id
        self._passphrase, self._store, self._options = passphrase, store, options
        self._events = SecurityEvents()
        self._events.listen(self._security_told)
        self._handlers = Handlers(self)
        self._metrics, self._message_log = Metrics(), MessageLog()
        self._delivery_listeners: List[Callable[[DeliveryReport], None]] = []
        self._state_listeners: List[Callable[[str, str], None]] = []
        self._transcript_listeners: List[Callable[[TranscriptEntry], None]] = []
        self._line = Line(url, agent_id, Login(agent_id, token), options, up=self._up, down=self._down, heard=self._heard, ended=self._ended, ssl=ssl)
        self._desk = Desk(agent_id, self._line.write)
        self._parts_or_none: Optional[Parts] = None
        self._ticking: "Optional[asyncio.Task[None]]" = None
        self._why: Optional[Fault] = None  #: why nothing goes any more

    async def connect(self) -> None:
        """
        Returns when the broker has let the agent in; what was kept before is sent from then on. Raises Fault unavailable (no broker), unauthenticated (the token), conflict
        (another program has the store, or the agent), forbidden (the passphrase), full.
        """
        if self._parts_or_none is not None or self._why is not None:
            raise Fault("conflict", "the agent was connected before: make a new one")
        parts = await build_parts(self.agent_id, self._passphrase, self._store, self._events, self._line.write, self._delivered, self._handlers.hear, self._record_heard, self._options)
        self._passphrase = None
        self._parts_or_none = parts
        parts.transcript.listeners = self._transcript_listeners
        try:
            if parts.vault.identity.since + self._options.renew_s * 1_000 < now_ms():
                await self._renew_agreement()
            await parts.outbox.open()
            await self._line.connect()
        except BaseException as failed:
            self._why = failed if isinstance(failed, Fault) else Fault("unavailable", "the agent is not connected: make a new one")
            await self._line.close()
            await parts.end()
            raise
        self._ticking = asyncio.create_task(self._tick())
        asyncio.get_running_loop().call_soon(parts.incoming.begin)  # after what follows at once: there handlers are registered

    async def query(
        self, to: str, query_type: str, parameters: Optional[Mapping[str, Any]] = None, *, timeout_s: Optional[float] = None, conversation_id: Optional[str] = None,
        request_id: Optional[str] = None, priority: str = "NORMAL", plain: bool = False,
    ) -> NetworkMessage:
        """
        Asks, and gives the RESPONSE; what it says is in `data`. Raises AnswerError with what the other agent says instead, Fault timeout, full, too-large, malformed,
        forbidden (its key has changed), unsupported (it cannot open what is sealed; `plain=True` says it in the open).
        """
        asked = dict(parameters or {})
        problem = parameters_problem(query_type, asked)
        if problem is not None:
            raise Fault("malformed", problem)
        chosen = request_id or new_id("req")
        content = {"requestId": chosen, "queryType": query_type, "parameters": asked}
        answer = await self._call("QUERY", to, chosen, content, timeout_s, None, conversation_id, priority, plain)
        error = answer.content.get("error")
        if isinstance(error, dict):
            raise AnswerError(str(error.get("code", "")), str(error.get("message", "")), error.get("details") if isinstance(error.get("details"), dict) else None)
        return answer

    async def ask(self, kind: str, parameters: Optional[Mapping[str, Any]] = None, *, timeout_s: Optional[float] = None) -> Any:
        """Asks the broker: `agents.list`, `ROOM_JOIN` with `{"room": …}` … (rooms are joined again after a loss). Raises AnswerError, Fault unavailable, timeout."""
        self._parts  # raises where there is none
        return await self._desk.ask(kind, dict(parameters or {}), self._options.answer_timeout_s if timeout_s is None else timeout_s)

    async def respond(self, query: NetworkMessage, data: Any = None, *, error: Optional[AnswerError] = None) -> SentMessage:
        """Answers a QUERY, or a PROPOSAL of an agent of another dialect. Raises Fault as `send`."""
        told = None if error is None else {"code": error.code, "message": error.message, "details": dict(error.details)}
        asked = query.request_id or query.proposal_id
        return await self._answer(query, "RESPONSE", {"requestId": asked, "data": None if error is not None else data, "error": told})

    async def propose(
        self, to: str, details: Mapping[str, Any], *, proposal_id: Optional[str] = None, timeout_s: Optional[float] = None, conversation_id: Optional[str] = None,
        priority: str = "HIGH", plain: bool = False,
    ) -> NetworkMessage:
        """
        Proposes, and gives the CONFIRMATION or the REJECTION. Waits until `details["expiresAt"]`, where there is one (milliseconds since 1970). A known `proposal_id` makes
        another version of that proposal. Raises Fault timeout (EXPIRED), and as `query`.
        """
        chosen = proposal_id or new_id("prop")
        end = end_of(details)
        left_s = None if end is None else max(0.0, (end - now_ms()) / 1_000)
        content = {"proposalId": chosen, "details": {"status": "PENDING", **details}}
        return await self._call("PROPOSAL", to, chosen, content, left_s if timeout_s is None else timeout_s, end, conversation_id, priority, plain)

    async def confirm(self, proposal: NetworkMessage, calendar_event_id: Optional[str] = None) -> SentMessage:
        """Accepts a PROPOSAL. Raises Fault conflict where it has expired."""
        if proposal.proposal_id is not None and self._parts.proposals.is_expired(proposal.sender, proposal.proposal_id):
            raise Fault("conflict", f"the proposal {proposal.proposal_id} has expired: make one of your own")
        content: Dict[str, Any] = {"proposalId": proposal.proposal_id, "status": "ACCEPTED"}
        return await self._answer(proposal, "CONFIRMATION", content if calendar_event_id is None else {**content, "calendarEventId": calendar_event_id})

    async def reject(self, proposal: NetworkMessage, reason: str = "OTHER", details: Optional[str] = None) -> SentMessage:
        """Declines a PROPOSAL: SCHEDULE_CONFLICT, LOCATION_UNSUITABLE, TIME_UNSUITABLE, USER_DECLINED, or OTHER with `details`."""
        content: Dict[str, Any] = {"proposalId": proposal.proposal_id, "reason": reason}
        return await self._answer(proposal, "REJECTION", content if details is None else {**content, "details": details})

    async def inform(self, to: str, text: str, data: Any = None, **more: Any) -> SentMessage:
        """Says something that wants no answer. `more`: as `send`."""
        return await self.send(to, "INFORM", {"text": text} if data is None else {"text": text, "data": data}, **more)

    async def send(
        self, to: str, message_type: str, content: Mapping[str, Any], *, conversation_id: Optional[str] = None, message_id: Optional[str] = None, priority: str = "NORMAL",
        requires_response: bool = False, keep_s: Optional[float] = None, plain: bool = False,
    ) -> SentMessage:
        """
        Says a message of any type; returns when it is kept, on disk where there is a store: then it cannot be lost any more. It is sent as soon as its recipient is there,
        until it has confirmed it, for `keep_s` at most. Raises Fault malformed, too-large, full, unavailable.
        """
        parts = self._parts
        frame = composed(self.agent_id, to, message_type, content, conversation_id, message_id, priority, requires_response, plain)
        keep = self._options.keep_s if keep_s is None else min(keep_s, self._options.keep_s)
        await parts.peers.spoken_to(to)
        delivered = await parts.outbox.add(frame, plain, frame.timestamp + int(keep * 1_000))
        self._metrics.said += 1
        self._message_log.add("said", message_type, to, frame.message_id, frame.timestamp)
        await parts.transcript.add(TranscriptEntry(now_ms(), "said", to, message_type, frame.message_id, frame.conversation_id, dict(content), not plain, True))
        return SentMessage(frame.message_id, frame.conversation_id, delivered)

    def on(self, message_type: str = "*") -> Callable[[Handler], Handler]:
        """
        A decorator: takes the messages of a type, `"*"` those that no other handler takes; may be a coroutine. They come in the order of each conversation. Of a QUERY the
        dict that it returns is the answer; AnswerError says why there is none. If it raises anything else the message comes again, up to eight times.

            @alice.on("QUERY")
            async def answer(query):
                return {"availableTimes": []}
        """
        return self._handlers.register(message_type)

    def on_security(self, listener: _Listener) -> _Listener:
        """A decorator: hears each SecurityEvent."""
        self._events.listen(listener)
        return listener

    def on_delivery(self, listener: _Listener) -> _Listener:
        """A decorator: hears each DeliveryReport."""
        self._delivery_listeners.append(listener)
        return listener

    def on_transcript(self, listener: _Listener) -> _Listener:
        """A decorator: hears what is said and heard, as TranscriptEntry."""
        self._transcript_listeners.append(listener)
        return listener

    def on_state(self, listener: _Listener) -> _Listener:
        """A decorator: hears `("up", "")`, `("down", why)` (it is made again by itself), `("ended", why)`."""
        self._state_listeners.append(listener)
        return listener

    def fingerprint(self, peer: Optional[str] = None) -> str:
        """This agent's, or the pinned one of a peer: what two people compare by another way. Raises Fault not-found."""
        if peer is None:
            return self._parts.vault.identity.fingerprint
        pin = self._parts.peers.get(peer)
        if pin is None:
            raise Fault("not-found", f"no key of {peer} is known: say something to it first")
        return fingerprint(pin.known_by)

    async def accept_key(self, peer: str, fingerprint: str) -> None:
        """After a security event key-changed: accepts the new key by its fingerprint, or stays with the pinned one by that. Raises Fault not-found, conflict."""
        await self._parts.conversations.accept_key(peer, fingerprint)
        self._parts.outbox.key_accepted(peer)

    async def forget(self, peer: str) -> None:
        """Forgets the keys of a peer: its next key is trusted, whoever shows it."""
        await self._parts.conversations.forget(peer)

    async def rotate(self) -> None:
        """Makes the keys anew that are not the identity: each conversation has a new handshake."""
        await self._renew_agreement()
        self._parts.conversations.renew_all()

    async def change_passphrase(self, old: str, new: str) -> None:
        """Keys are renewed then, too. Raises Fault forbidden, conflict (there is none)."""
        await self._parts.vault.change_passphrase(old, new)
        await self.rotate()

    async def transcript(self, peer: Optional[str] = None, limit: int = 100) -> List[TranscriptEntry]:
        """The last entries, the oldest first."""
        return await self._parts.transcript.read(peer, limit)

    @property
    def metrics(self) -> Metrics:
        waiting = 0 if self._parts_or_none is None else self._parts_or_none.outbox.size
        return replace(self._metrics, refused=dict(self._metrics.refused), waiting=waiting, round_trip_s=self._line.round_trip_s, security=self._events.counts)

    @property
    def message_log(self) -> List[Dict[str, Any]]:
        """The last messages without their content."""
        return self._message_log.read()

    async def close(self) -> None:
        """Ends handlers that run, says what can be said now, and leaves. What waits stays in the store."""
        if self._ticking is None:
            return
        self._ticking.cancel()
        self._ticking = None
        parts = self._parts_or_none
        assert parts is not None
        parts.incoming.begin()
        self._desk.close()
        await parts.close(self._options.close_timeout_s)
        await self._line.close()
        self._why = self._why or Fault("unavailable", "the agent is closed: make a new one")
        parts.calls.fail_all(self._why)
        await parts.end()

    async def __aenter__(self) -> SecureAgent:
        await self.connect()
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        await self.close()

    @property
    def _parts(self) -> Parts:
        if self._why is not None:
            raise self._why
        if self._parts_or_none is None:
            raise Fault("unavailable", "the agent is not connected: `async with SecureAgent(…)`, or await connect() first")
        return self._parts_or_none

    async def _call(
        self, kind: str, to: str, call_id: str, content: Mapping[str, Any], timeout_s: Optional[float], end: Optional[float], conversation_id: Optional[str], priority: str, plain: bool
    ) -> NetworkMessage:
        within_s = self._options.answer_timeout_s if timeout_s is None else timeout_s
        message_id = new_id("msg")
        answer = self._parts.calls.open(kind, to, call_id, message_id, not plain)
        try:
            keep_s = None if end is None else max(0.0, (end - now_ms()) / 1_000)
            sent = await self.send(to, kind, content, conversation_id=conversation_id, message_id=message_id, priority=priority, requires_response=True, keep_s=keep_s, plain=plain)
            if not plain and self._parts.conversations.is_refused(to):
                raise key_has_changed(to)
            return await asyncio.wait_for(answer, within_s)
        except asyncio.TimeoutError:
            where = "it is there, and has not answered" if sent.delivered.done() else "it waits, and is sent when the agent is there"
            what = "the proposal is EXPIRED" if end is not None and end <= now_ms() else "an answer that comes later goes to the handlers"
            raise Fault("timeout", f"{to} has not answered within {within_s:g} s ({where}); {what}", detail={"messageId": message_id}) from None
        finally:
            answer.cancel()

    def _security_told(self, event: SecurityEvent) -> None:
        if event.kind == "key-changed" and self._parts_or_none is not None:
            self._parts_or_none.calls.fail_sealed(event.peer, key_has_changed(event.peer))

    async def _answer(self, asked: NetworkMessage, kind: str, content: Mapping[str, Any]) -> SentMessage:
        """In the same conversation, and sealed where the question was."""
        priority = str(asked.metadata.get("priority", "NORMAL"))
        return await self.send(asked.sender, kind, content, conversation_id=asked.conversation_id, priority=priority, plain=not asked.is_sealed)

    async def _renew_agreement(self) -> None:
        vault = self._parts.vault
        await vault.save_identity(vault.identity.renewed(now_ms(), int(self._options.earlier_s * 1_000)))

    async def _heard(self, frame: Frame, size: int) -> None:
        parts = self._parts_or_none
        assert parts is not None
        content = frame.content
        is_of_vote = frame.message_type == "QUERY" or (frame.message_type == "INFORM" and content.get("kind") in _VOTES)
        if frame.sender_id != "system" or is_of_vote:
            await parts.incoming.take(frame, size)
            return
        if frame.message_type == "RESPONSE":
            self._desk.answered(frame)
        elif frame.message_type == "ACK":
            parts.outbox.acked(str(content.get("messageId")))
        elif frame.message_type == "PRESENCE" and content.get("status") == "online":
            parts.outbox.here(str(content.get("agentId")))
        elif frame.message_type == "ERROR":
            refusal = read_refusal(content)
            self._metrics.refused[refusal.code] = self._metrics.refused.get(refusal.code, 0) + 1
            if refusal.original_id is not None and refusal.code == "TIMEOUT_ERROR":
                parts.calls.fail(refusal.original_id, refusal.fault(self.agent_id))
            self._desk.refused(refusal)
            parts.outbox.refused(refusal)

    async def _tick(self) -> None:
        while self._why is None:
            await asyncio.sleep(self._options.tick_s)
            try:
                parts = self._parts
                await parts.tick()
                if parts.vault.identity.since + self._options.renew_s * 1_000 < now_ms():
                    await self.rotate()
            except Exception:
                _log.exception("%s: what is due could not be done", self.agent_id)

    async def _record_heard(self, message: NetworkMessage, is_v2: bool) -> None:
        self._metrics.heard += 1
        self._message_log.add("heard", message.type, message.sender, message.message_id, now_ms())
        entry = TranscriptEntry(now_ms(), "heard", message.sender, message.type, message.message_id, message.conversation_id, message.content, message.is_sealed, message.is_verified)
        await self._parts.transcript.add(entry)

    def _delivered(self, report: DeliveryReport) -> None:
        if report.state == "delivered":
            self._metrics.delivered += 1
        if report.state == "failed" and report.fault is not None:
            self._metrics.failed += 1
            if self._parts_or_none is not None:
                self._parts_or_none.calls.fail(report.message_id, report.fault)
        _tell(self._delivery_listeners, report)

    def _up(self, content: Mapping[str, Any]) -> None:
        self._metrics.connections += 1
        rate, burst = (_rate(content.get(name)) for name in ("messagesPerSecond", "messageBurst"))
        assert self._parts_or_none is not None
        self._parts_or_none.outbox.line_up(rate, burst)
        self._desk.line_up()
        _tell(self._state_listeners, "up", "")

    def _down(self, why: str) -> None:
        assert self._parts_or_none is not None
        self._parts_or_none.outbox.line_down()
        _tell(self._state_listeners, "down", why)

    def _ended(self, fault: Fault) -> None:
        """The line is not made again: every call raises why."""
        self._why = fault
        assert self._parts_or_none is not None
        self._parts_or_none.outbox.line_down()
        self._parts_or_none.calls.fail_all(fault)
        _log.error("%s: %s", self.agent_id, fault)
        _tell(self._state_listeners, "ended", str(fault))


def _tell(listeners: List[Callable[..., None]], *told: Any) -> None:
    for listener in listeners:
        try:
            listener(*told)
        except Exception:
            _log.exception("a listener failed")


def _rate(value: Any) -> Optional[float]:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1_000_000 else None

