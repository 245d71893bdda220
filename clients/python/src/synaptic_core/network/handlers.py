"""What the application does with messages."""
from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any, Callable, Dict, Set

from .message import AnswerError, NetworkMessage

if TYPE_CHECKING:
    from .agent import SecureAgent

Handler = Callable[[NetworkMessage], Any]
_log = logging.getLogger("synaptic_core.network")


class Handlers:
    """One handler for each type; `"*"` takes the rest."""

    def __init__(self, agent: "SecureAgent") -> None:
        self._agent = agent
        self._by_type: Dict[str, Handler] = {}
        self._told: Set[str] = set()

    def register(self, message_type: str) -> Callable[[Handler], Handler]:
        def keep(handler: Handler) -> Handler:
            self._by_type[message_type] = handler
            return handler

        return keep

    async def hear(self, message: NetworkMessage) -> None:
        """Returns when the message is processed. Raises what its handler raises: then it comes again."""
        handler = self._by_type.get(message.type) or self._by_type.get("*")
        if handler is None:
            await self._nobody(message)
        elif message.type == "QUERY":
            await self._answered(message, handler)
        else:
            await _result(handler, message)

    async def _answered(self, query: NetworkMessage, handler: Handler) -> None:
        try:
            data = await _result(handler, query)
        except AnswerError as error:
            await self._agent.respond(query, error=error)
            return
        except Exception:
            _log.exception("a handler of QUERY has failed")
            await self._agent.respond(query, error=AnswerError("INTERNAL_ERROR", "the agent could not answer"))
            return
        if data is not None:
            await self._agent.respond(query, data)

    async def _nobody(self, message: NetworkMessage) -> None:
        if message.type not in self._told and len(self._told) < 100:
            self._told.add(message.type)
            _log.warning("%s: nobody takes %.64s: register a handler by @agent.on(%.64r), or on(\"*\")", self._agent.agent_id, message.type, message.type)
        if message.type == "QUERY" and message.metadata.get("requiresResponse") is not False:
            await self._agent.respond(message, error=AnswerError("UNAVAILABLE_DATA", f"{self._agent.agent_id} answers no queries"))


async def _result(handler: Handler, message: NetworkMessage) -> Any:
    found = handler(message)
    return await found if inspect.isawaitable(found) else found
