"""Who the agent is: a token, or what brings fresh ones (Agent Network §2.2, §2.6)."""
from __future__ import annotations

import base64
import inspect
import json
from typing import Any, Awaitable, Callable, Optional, Union

from ..fault import Fault

Token = Union[str, Callable[[], Union[str, Awaitable[str]]]]
_TOKEN_MAX = 8_192
_MARGIN_S = 60.0


class Login:
    def __init__(self, agent_id: str, token: Token) -> None:
        self._agent_id, self._token = agent_id, token
        self._last = ""

    @property
    def is_renewable(self) -> bool:
        return callable(self._token)

    async def frame(self) -> str:
        """AUTH with a token of now. Raises Fault unauthenticated where there is none."""
        self._last = await self._fetched()
        return json.dumps({"type": "AUTH", "token": self._last, "agentId": self._agent_id}, ensure_ascii=False)

    def renewal_s(self, now: float) -> Optional[float]:
        """In how many seconds a fresh token is to be fetched; None where there is none, or this one has no end. `now`: seconds since 1970."""
        end = end_of(self._last) if self.is_renewable else None
        if end is None:
            return None
        left = end - now
        return 30.0 if left <= 0 else max(1.0, left - min(_MARGIN_S, left / 3))

    async def _fetched(self) -> str:
        found: Any = self._token
        if callable(found):
            try:
                found = found()
                if inspect.isawaitable(found):
                    found = await found
            except Exception as failed:
                raise Fault("unauthenticated", f"the function that is the token has failed: {failed}") from failed
        if not isinstance(found, str) or not 1 <= len(found) <= _TOKEN_MAX:
            raise Fault("unauthenticated", f"a token is a text of 1–{_TOKEN_MAX} characters (broker token AGENT --pan), or a function that brings one")
        return found


def end_of(token: str) -> Optional[float]:
    """When a JWT ends, seconds since 1970; None for an opaque token. It is read, not verified: the broker does that."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    end = claims.get("exp") if isinstance(claims, dict) else None
    return float(end) if isinstance(end, (int, float)) and not isinstance(end, bool) else None
