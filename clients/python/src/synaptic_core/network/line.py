"""The connection of one agent: logs in, asks for signs of life, and is made again when it is lost (Agent Network §2, §12.6)."""
from __future__ import annotations

import asyncio
import logging
import re
import time
from typing import Any, Awaitable, Callable, Dict, List, Mapping, Optional, Tuple

from ..fault import Fault
from .frames import HEARD_MAX_BYTES, Frame, frame_text, metadata_of, new_id, now_ms, read_frame
from .login import Login
from .needed import websockets_package
from .options import NetworkOptions
from .refusals import read_refusal

_PATH = "/agent-network/v1/connect"
_SUBPROTOCOL = "agent-network.v1"
_STEADY_S = 1.0  #: a line that was up for so long: its loss is tried again at once
_ABUSE_S = 30.0
_REFUSED_MAX = 3  #: logins with fresh tokens that are refused in a row
_FAREWELL_S = 1.0
_STRETCH_MAX = 4
_log = logging.getLogger("synaptic_core.network")


class LineLost(Exception):
    """It is made again, after `wait_s` at least."""

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class Line:
    """What it tells: `up` with the content of CONNECTED, `down`, `heard` for each frame with its size, `ended` for good."""

    def __init__(
        self, url: str, agent_id: str, login: Login, options: NetworkOptions, *, up: Callable[[Mapping[str, Any]], None], down: Callable[[str], None],
        heard: Callable[[Frame, int], Awaitable[None]], ended: Callable[[Fault], None], ssl: Any = None,
    ) -> None:
        self._websockets = websockets_package()
        self._url = url if _has_path(url) else url.rstrip("/") + _PATH
        self._agent_id, self._login, self._options, self._ssl = agent_id, login, options, ssl
        if url.startswith("ws://") and not re.match(r"ws://(localhost|127\.[0-9.]+|\[::1\])(:|/|$)", url):
            _log.warning("%s: the token, and who talks with whom, pass %s in plain text: use wss://", agent_id, url)
        self._up, self._down, self._heard, self._ended = up, down, heard, ended
        self._socket: Any = None
        self._is_ready = False
        self._is_closing = False
        self._missed = 0
        self._beaten_at = 0.0
        self._stretch = 1
        self._refused = 0
        self._refusal: Optional[Tuple[str, str, float]] = None
        self._first: "Optional[asyncio.Future[None]]" = None
        self._acks: "Dict[str, asyncio.Future[None]]" = {}
        self._task: "Optional[asyncio.Task[None]]" = None
        self._heartbeat_s = 30.0
        self._why, self._cause = "nothing listens there", ""
        self.round_trip_s = 0.0

    async def connect(self) -> None:
        """Returns at CONNECTED. Raises Fault unavailable, unauthenticated, conflict, full."""
        self._first = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())
        try:
            await asyncio.wait_for(asyncio.shield(self._first), self._options.connect_timeout_s)
        except asyncio.TimeoutError:
            raise Fault("unavailable", f"{self._url} does not answer: is the broker running, and is this its WebSocket address? ({self._why})") from None

    async def write(self, text: str) -> bool:
        """False where there is no line now."""
        if not self._is_ready or self._socket is None:
            return False
        try:
            await self._socket.send(text)
        except (OSError, self._websockets.exceptions.WebSocketException):
            return False
        return True

    async def close(self) -> None:
        """Says DISCONNECT, waits for its ACK for a moment, and ends."""
        self._is_closing = True
        if self._is_ready:
            farewell = self._system("DISCONNECT", {})
            acked = self._acks[farewell.message_id] = asyncio.get_running_loop().create_future()
            if await self.write(frame_text(farewell)):
                await asyncio.wait([acked], timeout=_FAREWELL_S)
            acked.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        wait_s = 0.0
        while not self._is_closing:
            began = time.monotonic()
            try:
                await self._one()
            except Fault as fault:
                self._end(fault)
                return
            except LineLost as lost:
                self._why, least_s = str(lost), lost.wait_s
            except Exception as failed:  # whatever a socket, TLS or a name service raises: all of it may pass
                self._why, least_s = f"{type(failed).__name__}: {failed}"[:300], 0.0
            was_up, self._is_ready, self._socket = self._is_ready, False, None
            if was_up:
                self._down(self._why)
            if was_up and time.monotonic() - began >= _STEADY_S:
                wait_s = 0.0  # at once; what follows is spaced
            _log.info("%s: the line is down: %s; it is made again in %.1f s", self._agent_id, self._why, max(wait_s, least_s))
            await asyncio.sleep(max(wait_s, least_s))
            wait_s = self._options.reconnect_first_s if wait_s == 0 else min(wait_s * self._options.reconnect_factor, self._options.reconnect_most_s)

    async def _one(self) -> None:
        """One line, from its making to its end."""
        self._refusal, self._missed, self._cause = None, 0, ""
        auth = await self._token()
        more = {"ssl": self._ssl} if self._ssl is not None else {}
        connecting = self._websockets.connect(
            self._url, subprotocols=[_SUBPROTOCOL], compression=None, ping_interval=None, max_size=HEARD_MAX_BYTES * 2,
            open_timeout=self._options.connect_timeout_s, close_timeout=_FAREWELL_S, **more,
        )
        async with connecting as socket:
            self._socket = socket
            await socket.send(auth)
            beating: "List[asyncio.Task[None]]" = []
            try:
                while True:
                    text = await self._next(socket)
                    was_ready = self._is_ready
                    await self._take(text)
                    if self._is_ready and not was_ready:
                        beating = [asyncio.ensure_future(self._beat()), asyncio.ensure_future(self._renew())]
            finally:
                for task in beating:
                    task.cancel()
                await asyncio.gather(*beating, return_exceptions=True)

    async def _next(self, socket: Any) -> Any:
        try:
            if self._is_ready:
                return await socket.recv()
            return await asyncio.wait_for(socket.recv(), self._options.connect_timeout_s)
        except asyncio.TimeoutError:
            raise LineLost("it has not answered the login in time") from None
        except self._websockets.exceptions.ConnectionClosed as closed:
            received = getattr(closed, "rcvd", None)
            raise self._lost(received.code if received is not None else 1006, received.reason if received is not None else "") from None

    async def _token(self) -> str:
        try:
            return await self._login.frame()
        except Fault:
            if not self._login.is_renewable or self._first is not None and not self._first.done():
                raise
            raise LineLost("the function that is the token brings none") from None

    def _lost(self, code: int, reason: str) -> Exception:
        """Whether a line that is gone is made again (Agent Network §2.11)."""
        error, said, after_s = self._refusal or ("", "", 0.0)
        why = self._cause or said or reason or f"code {code}"
        if code == 4409:
            return Fault("conflict", "another session of this agent has taken over: run one program of an agent at a time")
        if code == 4401:
            self._refused += 1
            if self._login.is_renewable and self._refused < _REFUSED_MAX:
                return LineLost(why)
            return Fault("unauthenticated", f"{why}: give a token of this agent (broker token AGENT --pan), or a function that brings fresh ones")
        if self._first is not None and not self._first.done() and error == "CONNECTION_LIMIT_EXCEEDED":
            return Fault("full", why, retry_after_ms=after_s * 1_000)
        return LineLost(why, max(after_s, _ABUSE_S if code == 4429 else 0.0))

    async def _take(self, text: Any) -> None:
        try:
            frame = read_frame(text)
        except ValueError as reason:
            if not self._is_ready:
                raise LineLost(f"it does not speak Agent Network: {reason}") from None
            _log.warning("%s: a frame is dropped: %s", self._agent_id, reason)
            return
        if frame.sender_id == "system" and frame.message_type == "CONNECTED":
            self._connected(frame.content)
        elif frame.sender_id == "system" and frame.message_type == "HEARTBEAT":
            self._missed, self._stretch = 0, 1
            self.round_trip_s = time.monotonic() - self._beaten_at
        elif frame.sender_id == "system" and frame.message_type == "ERROR" and self._is_of_login(frame):
            refusal = read_refusal(frame.content)
            self._refusal = (refusal.code, refusal.message, refusal.retry_after_s)
            _log.warning("%s: %s", self._agent_id, refusal.message)
        else:
            acked = self._acks.pop(str(frame.content.get("messageId")), None) if frame.message_type == "ACK" and frame.sender_id == "system" else None
            if acked is not None and not acked.done():
                acked.set_result(None)
            await self._heard(frame, len(text))

    def _is_of_login(self, frame: Frame) -> bool:
        refusal = read_refusal(frame.content)
        return not self._is_ready or refusal.code == "AUTHENTICATION_FAILED" and refusal.original_id is None

    def _connected(self, content: Mapping[str, Any]) -> None:
        if self._is_ready:
            return  # the token was renewed
        interval = content.get("heartbeatInterval")
        known = float(interval) / 1_000 if isinstance(interval, (int, float)) and not isinstance(interval, bool) else 30.0
        self._heartbeat_s = self._options.heartbeat_s or min(max(known, 1.0), 600.0)
        self._is_ready, self._refused = True, 0
        self._up(content)
        if self._first is not None and not self._first.done():
            self._first.set_result(None)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s * self._stretch)
            if self._missed >= self._options.missed_max:
                self._stretch = min(self._stretch * 2, _STRETCH_MAX)
                self._cause = f"{self._missed} heartbeats in a row were not answered"
                await self._socket.close(1000, "silent")
                return
            self._missed += 1
            self._beaten_at = time.monotonic()
            await self.write(frame_text(self._system("HEARTBEAT", {"timestamp": now_ms()})))

    async def _renew(self) -> None:
        """A fresh token before the last one ends."""
        while True:
            wait_s = self._login.renewal_s(time.time())
            if wait_s is None:
                return
            await asyncio.sleep(wait_s)
            try:
                await self.write(await self._login.frame())
            except Fault as failed:
                _log.warning("%s: %s; it is tried again", self._agent_id, failed)
                await asyncio.sleep(self._options.tick_s)

    def _system(self, kind: str, content: Mapping[str, Any]) -> Frame:
        return Frame(new_id("msg"), "system", self._agent_id, "system", kind, content, now_ms(), metadata_of("LOW"))

    def _end(self, fault: Fault) -> None:
        self._is_ready, self._socket = False, None
        if self._first is not None and not self._first.done():
            self._first.set_exception(fault)
        else:
            self._ended(fault)


def _has_path(url: str) -> bool:
    rest = url.partition("://")[2]
    return rest.rstrip("/").count("/") > 0
