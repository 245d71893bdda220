"""Questions to the broker itself (Agent Network §5)."""
from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, Dict, Mapping, Optional, Set

from ..fault import Fault
from .frames import Frame, frame_text, metadata_of, new_id, now_ms
from .message import AnswerError
from .refusals import Refusal

_JOIN, _LEAVE = ("ROOM_JOIN", "room.join"), ("ROOM_LEAVE", "room.leave")
_ROOMS_MAX = 1_000


class Desk:
    """
    Asked in plain words, and not kept: the broker is there, or it is not. Rooms are joined again on each new line.

    bound: questions that wait for their time, _ROOMS_MAX rooms · owner: the agent
    """

    def __init__(self, own: str, write: Callable[[str], Awaitable[bool]]) -> None:
        self._own, self._write = own, write
        self._waiting: "Dict[str, asyncio.Future[Mapping[str, Any]]]" = {}
        self._rooms: Set[str] = set()
        self._joining: "Optional[asyncio.Task[None]]" = None

    async def ask(self, kind: str, parameters: Mapping[str, Any], timeout_s: float) -> Any:
        """The `data` of the answer. Raises AnswerError, Fault unavailable, timeout, and what the broker refuses it with."""
        asked = new_id("req")
        frame = Frame(asked, "system", self._own, "system", "QUERY", {"requestId": asked, "queryType": kind, "parameters": parameters}, now_ms(), metadata_of("NORMAL", False, True))
        answer = self._waiting[asked] = asyncio.get_running_loop().create_future()
        try:
            if not await self._write(frame_text(frame)):
                raise Fault("unavailable", "there is no line to the broker now: it is made again by itself, ask then")
            content = await asyncio.wait_for(answer, timeout_s)
        except asyncio.TimeoutError:
            raise Fault("timeout", f"the broker has not answered {kind} within {timeout_s:g} s") from None
        finally:
            del self._waiting[asked]
        error = content.get("error")
        if isinstance(error, dict):
            raise AnswerError(str(error.get("code", "")), str(error.get("message", "")), error.get("details") if isinstance(error.get("details"), dict) else None)
        self._remember(kind, parameters.get("room"))
        return content.get("data")

    def answered(self, frame: Frame) -> None:
        """A RESPONSE of the broker."""
        waiting = self._waiting.get(str(frame.content.get("requestId")))
        if waiting is not None and not waiting.done():
            waiting.set_result(frame.content)

    def refused(self, refusal: Refusal) -> None:
        waiting = self._waiting.get(refusal.original_id or "")
        if waiting is not None and not waiting.done():
            waiting.set_exception(refusal.fault("the broker"))

    def line_up(self) -> None:
        """The broker knows nothing of the line before."""
        self.close()
        if self._rooms:
            self._joining = asyncio.create_task(self._join_again())

    def close(self) -> None:
        if self._joining is not None:
            self._joining.cancel()

    async def _join_again(self) -> None:
        for room in sorted(self._rooms):
            try:
                await self.ask(_JOIN[0], {"room": room}, 30)
            except AnswerError:
                self._rooms.discard(room)  # the broker says no
            except Fault:
                return  # there is a new line by then, or a next one

    def _remember(self, kind: str, room: Any) -> None:
        if kind in _JOIN and isinstance(room, str) and len(self._rooms) < _ROOMS_MAX:
            self._rooms.add(room)
        elif kind in _LEAVE:
            self._rooms.discard(room)
