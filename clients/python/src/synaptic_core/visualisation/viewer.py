"""A viewer: the connection, what comes of it, and commands."""
from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from datetime import datetime, timezone
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, List, Mapping, Optional, Sequence, Union

from ..fault import Fault
from ..network.needed import websockets_package
from .events import ALGORITHMS, OPENED_MAX_BYTES, Event, Reading
from .msgpack import BinaryProblem

Token = Union[str, Callable[[], Union[str, Awaitable[str]]]]

_SUBPROTOCOL = "visualisation.v2"
_WAITING_MAX = 10_000
_STEADY_S, _ABUSE_S, _FAREWELL_S, _REFUSED_MAX = 1.0, 30.0, 1.0, 3
_COMMAND_S, _ANSWER_S = 30.0, 15.0
_OWN = frozenset({"handshake_ack", "version.selected", "compression.selected", "heartbeat", "auth.refreshed"})
_log = logging.getLogger("synaptic_core.visualisation")


class CommandRefused(Exception):
    """What was asked of the broker is refused, or has failed: the document's code, and what to do."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        super().__init__(f"{payload.get('code')}: {payload.get('message')}")
        self.code = str(payload.get("code"))  #: AGENT_NOT_FOUND, COMMAND_FAILED …
        self.message = str(payload.get("message"))
        self.recoverable = payload.get("recoverable") is not False
        self.suggested_action: Optional[str] = payload.get("suggestedAction")
        details = payload.get("details")
        self.details: Mapping[str, Any] = details if isinstance(details, dict) else {}


class _Lost(Exception):
    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class Viewer:
    """
    Looks at what agents do, and commands them; iterated, it gives events, and goes on over losses of the connection.

        async with Viewer("ws://127.0.0.1:8080/api/visualisation/agents/ws", token) as viewer:
            async for event in viewer:
                print(event.type, event.payload)
    """

    def __init__(
        self, url: str, token: Token, *, streams: Optional[Sequence[str]] = None, position_rate: Optional[int] = None,
        binary: bool = True, compression: bool = True, connect_timeout_s: float = 15.0, heartbeat_s: Optional[float] = None, ssl: Any = None,
    ) -> None:
        """`token`: a text, or a function (it may be a coroutine) that brings a fresh one at each connect. `streams`: what comes unasked; all of the endpoint if None."""
        self._websockets = websockets_package("visualisation")
        self._url, self._token, self._ssl = url, token, ssl
        self._streams, self._position_rate = streams, position_rate
        self._binary, self._compression = binary, compression
        self._connect_timeout_s, self._heartbeat_s = connect_timeout_s, heartbeat_s
        self._reading = Reading()
        self._events: "Optional[asyncio.Queue[Optional[Event]]]" = None
        self._calls: "Dict[str, asyncio.Future[Mapping[str, Any]]]" = {}
        self._socket: Any = None
        self._first: "Optional[asyncio.Future[None]]" = None
        self._task: "Optional[asyncio.Task[None]]" = None
        self._refusal = ""
        self._refused = 0
        self._is_silent = False
        self._ids = 0
        self.dropped = 0  #: events, the oldest first, because nobody took them
        self.session: Optional[Mapping[str, Any]] = None  #: `handshake_ack`; None while there is no connection

    @property
    def agents(self) -> Mapping[str, Mapping[str, Any]]:
        """The agents that were announced on this connection, by name."""
        return dict(self._reading.agents)

    async def __aenter__(self) -> "Viewer":
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Returns when the handshake is answered. Raises Fault `unauthenticated`, `unavailable`, `malformed`."""
        if self._task is not None:
            raise Fault("conflict", "it is connected already")
        self._events = asyncio.Queue()
        self._first = asyncio.get_running_loop().create_future()
        self._task = asyncio.ensure_future(self._run())
        try:
            await asyncio.wait_for(asyncio.shield(self._first), self._connect_timeout_s)
        except asyncio.TimeoutError:
            await self.close()
            raise Fault("unavailable", f"{self._url} does not answer ({self._refusal or 'nothing listens there'}): is the broker running?") from None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Ends the connection and the iteration."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._put(None)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self._events is None:
            raise Fault("unavailable", "connect() first, or use `async with`")
        event = await self._events.get()
        if event is None:
            self._events.put_nowait(None)  # for whoever else iterates
            raise StopAsyncIteration
        return event

    async def execute(
        self, target_agent: str, command: str, parameters: Optional[Mapping[str, Any]] = None, *, timeout_s: float = _COMMAND_S,
        priority: Optional[str] = None,
    ) -> Mapping[str, Any]:
        """Tells an agent of any dialect to do something; gives the payload of `control.result`. Raises CommandRefused, Fault."""
        payload = {"targetAgent": target_agent, "command": command, "parameters": parameters or {}, "timeout": round(timeout_s * 1_000)}
        return await self._ask("control.execute", payload, timeout_s + _ANSWER_S, {} if priority is None else {"priority": priority})

    async def ask(self, kind: str, data: Optional[Mapping[str, Any]] = None) -> Any:
        """Asks the broker itself; gives the answer's data. Raises CommandRefused, Fault."""
        return (await self.execute("$broker", kind, data))["result"]["data"]

    async def configure(self, multi_agent_id: str, configuration: Mapping[str, Any]) -> Mapping[str, Any]:
        """Says how a multi-agent is set up. Raises CommandRefused, Fault."""
        return await self._ask("control.multi-agent.configure", {"multi-agentId": multi_agent_id, "configuration": configuration})

    async def select(self, streams: Sequence[str], position_rate: Optional[int] = None) -> Mapping[str, Any]:
        """Chooses what comes unasked, from now on. Raises CommandRefused, Fault."""
        chosen = {"streams": list(streams), **({} if position_rate is None else {"positionRate": position_rate})}
        selected = await self._ask("streams.select", chosen)
        self._streams, self._position_rate = streams, position_rate or self._position_rate
        return selected

    async def _ask(self, kind: str, payload: Mapping[str, Any], timeout_s: float = _ANSWER_S, metadata: Optional[Mapping[str, Any]] = None) -> Mapping[str, Any]:
        socket = self._socket
        if socket is None or self.session is None:
            raise Fault("unavailable", "there is no connection now")
        message = self._message(kind, payload=payload, **({"metadata": metadata} if metadata else {}))
        answer = self._calls[message["id"]] = asyncio.get_running_loop().create_future()
        try:
            await socket.send(json.dumps(message))
            return await asyncio.wait_for(answer, timeout_s)
        except asyncio.TimeoutError:
            raise Fault("timeout", f"the broker has not answered {kind} within {timeout_s:g} s") from None
        except self._websockets.exceptions.ConnectionClosed:
            raise Fault("unavailable", "the connection is lost; whether it was done is not known") from None
        finally:
            self._calls.pop(message["id"], None)

    def _message(self, kind: str, **fields: Any) -> Dict[str, Any]:
        self._ids += 1
        timestamp = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"id": f"v-{self._ids}", "type": kind, "timestamp": timestamp, **fields}

    async def _run(self) -> None:
        wait_s = 0.0
        while True:
            began, least_s = time.monotonic(), 0.0
            try:
                await self._one()
            except Fault as fault:
                self._end(fault)
                return
            except _Lost as lost:
                self._refusal, least_s = str(lost), lost.wait_s
            except Exception as failed:  # whatever a socket, TLS or a name service raises: all of it may pass
                self._refusal = f"{type(failed).__name__}: {failed}"[:300]
            was_up = self.session is not None
            self._down()
            if was_up and time.monotonic() - began >= _STEADY_S:
                wait_s = 0.0  # at once; what follows is spaced
            _log.info("the connection to %s is lost: %s; it is made again in %.1f s", self._url, self._refusal, max(wait_s, least_s))
            await asyncio.sleep(max(wait_s * random.uniform(0.8, 1.2), least_s))
            wait_s = 1.0 if wait_s == 0 else min(wait_s * 1.5, 30.0)

    def _end(self, fault: Fault) -> None:
        """It is not tried again."""
        self._down()
        if self._first is not None and not self._first.done():
            self._first.set_exception(fault)
        else:
            _log.error("the viewer of %s has ended: %s", self._url, fault)
        self._put(None)

    def _down(self) -> None:
        self.session, self._socket = None, None
        for call in list(self._calls.values()):
            if not call.done():
                call.set_exception(Fault("unavailable", "the connection is lost; whether it was done is not known"))

    async def _one(self) -> None:
        """One connection, from its making to its end."""
        token = await self._fetch()
        self._reading, self._refusal = Reading(), ""
        more = {"ssl": self._ssl} if self._ssl is not None else {}
        connecting = self._websockets.connect(
            self._url, subprotocols=[_SUBPROTOCOL], compression=None, ping_interval=None, max_size=OPENED_MAX_BYTES,
            open_timeout=self._connect_timeout_s, close_timeout=_FAREWELL_S, **more,
        )
        async with connecting as socket:
            self._socket = socket
            for message in self._greeting(token):
                await socket.send(json.dumps(message))
            beating: "Optional[asyncio.Task[None]]" = None
            try:
                while True:
                    data = await self._next(socket)
                    try:
                        for event in self._reading.events(data):
                            self._take(event)
                    except BinaryProblem as problem:
                        raise _Lost(f"the broker says what cannot be read: {problem}") from None
                    if self.session is not None and beating is None:
                        beating = asyncio.ensure_future(self._beat(socket))
            finally:
                if beating is not None:
                    beating.cancel()
                    await asyncio.gather(beating, return_exceptions=True)

    async def _next(self, socket: Any) -> Any:
        try:
            data = await asyncio.wait_for(socket.recv(), None if self.session is not None else self._connect_timeout_s)
        except asyncio.TimeoutError:
            raise _Lost("the handshake is not answered in time") from None
        except self._websockets.exceptions.ConnectionClosed as closed:
            received = getattr(closed, "rcvd", None)
            raise self._lost(received.code if received is not None else 1006, received.reason if received is not None else "") from None
        self._is_silent = False
        return data

    async def _beat(self, socket: Any) -> None:
        """A heartbeat every now and then, which is echoed: without a word since the last one, nobody is there any more."""
        self._is_silent = False
        while True:
            await asyncio.sleep(self._beat_s)
            if self._is_silent:
                self._refusal = "nothing was heard of the broker, not even the echo of a heartbeat"
                await socket.close()
                return
            self._is_silent = True
            await socket.send(json.dumps(self._message("heartbeat", payload={})))

    @property
    def _beat_s(self) -> float:
        told = (self.session or {}).get("heartbeatInterval")
        return self._heartbeat_s or (told / 1_000 if isinstance(told, (int, float)) and told > 0 else 30.0)

    async def _fetch(self) -> str:
        if isinstance(self._token, str):
            return self._token
        try:
            brought = self._token()
            return brought if isinstance(brought, str) else await brought
        except Exception as failed:  # it is the application's
            if self._first is not None and not self._first.done():
                raise Fault("unauthenticated", f"the function that is token has failed: {failed}") from failed
            raise _Lost(f"the function that is token has failed: {failed}") from None

    def _greeting(self, token: str) -> List[Dict[str, Any]]:
        capabilities = [name for name, wanted in (("binary", self._binary), ("compression", self._compression)) if wanted]
        greeting = [self._message(
            "handshake", version="2.0.0", capabilities=capabilities, clientId="synaptic-core-python", token=token,
            **({} if self._streams is None else {"streams": list(self._streams)}),
            **({} if self._position_rate is None else {"positionRate": self._position_rate}),
        )]
        if self._compression:
            greeting.insert(0, self._message("compression.negotiate", algorithms=list(ALGORITHMS), preferredLevel=6))
        return greeting

    def _take(self, event: Event) -> None:
        payload = event.payload
        details = payload.get("details")
        answers = (event.metadata or {}).get("correlationId") or payload.get("requestId") or (details.get("requestId") if isinstance(details, dict) else None)
        if event.type == "handshake_ack":
            self.session, self._refused = payload, 0
            if self._first is not None and not self._first.done():
                self._first.set_result(None)
        elif event.type == "compression.selected":
            algorithm = payload.get("algorithm")
            self._reading.algorithm = algorithm if isinstance(algorithm, str) else None
        call = self._calls.get(answers) if isinstance(answers, str) else None
        if event.type == "error":
            if call is not None and not call.done():
                call.set_exception(CommandRefused(payload))
                return
            if self.session is None:
                self._refusal = str(payload.get("message"))
                if payload.get("code") != "AUTH_FAILED":
                    raise Fault("malformed", self._refusal)
                return
            _log.warning("the broker says: %s: %s", payload.get("code"), payload.get("message"))
        elif call is not None and not call.done():
            call.set_result(payload)
        if event.type not in _OWN:
            self._put(event)

    def _put(self, event: Optional[Event]) -> None:
        if self._events is None:
            return
        if event is not None and self._events.qsize() >= _WAITING_MAX:
            self._events.get_nowait()
            self.dropped += 1
        self._events.put_nowait(event)

    def _lost(self, code: int, reason: str) -> Exception:
        """Whether a connection that is gone is made again."""
        why = self._refusal or reason or f"code {code}"
        if code == 4409:
            return Fault("conflict", "another session has taken over")
        if code == 4401:
            self._refused += 1
            if callable(self._token) and self._refused < _REFUSED_MAX:
                return _Lost(why)
            return Fault("unauthenticated", f"{why}: give a token that may look (broker token NAME --jwt --scope observe), or a function that brings fresh ones")
        return _Lost(why, _ABUSE_S if code == 4429 else 0.0)
