"""What a broker tells, in one form whether it came as JSON or in binary."""
from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Mapping, Optional

from .binary import STATES, Frame, read_frames
from .msgpack import BinaryProblem

OPENED_MAX_BYTES = 16 * 1024 * 1024
ALGORITHMS = ("deflate", "gzip")  #: what the standard library opens
_AGENTS_MAX = 100_000


@dataclass(frozen=True)
class Event:
    """Something that the broker has told; `payload` is the document's."""

    type: str
    payload: Mapping[str, Any]
    timestamp: str  #: ISO 8601; of what came in binary, when it came
    id: Optional[str] = None
    metadata: Optional[Mapping[str, Any]] = None
    channel: Optional[str] = None


class Reading:
    """Reads what one connection brings: binary frames by the names that `agent.registered` has announced."""

    def __init__(self) -> None:
        self.algorithm: Optional[str] = None  #: of compressed batches
        self._names: Dict[int, str] = {}
        self._states: Dict[str, str] = {}
        self.agents: Dict[str, Mapping[str, Any]] = {}  #: `agent.registered` by name

    def events(self, message: "str | bytes") -> Iterator[Event]:
        """Raises BinaryProblem: nothing that a broker says."""
        if isinstance(message, str):
            yield self._json(message)
            return
        for frame in read_frames(message, OPENED_MAX_BYTES):
            if frame["type"] != "compressed":
                yield from self._frame(frame)
                continue
            opened = _open(self.algorithm, frame["data"], frame["originalSize"])
            # Binary frames, or JSON messages each followed by LF: the first byte tells which.
            if opened[:1] == b"A":
                for inner in read_frames(opened, 0):
                    yield from self._frame(inner)
            else:
                for line in opened.split(b"\n"):
                    if line:
                        yield self._json(line)

    def _json(self, text: "str | bytes") -> Event:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            raise BinaryProblem("it is no JSON") from None
        channel = None
        if isinstance(message, dict) and isinstance(message.get("message"), dict) and isinstance(message.get("channel"), str):
            channel, message = message["channel"], message["message"]
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise BinaryProblem("it is no message")
        payload = message.get("payload")
        metadata = message.get("metadata")
        event = Event(
            message["type"], payload if isinstance(payload, dict) else message, str(message.get("timestamp")), message.get("id"),
            metadata if isinstance(metadata, dict) else None, channel,
        )
        self._note(event)
        return event

    def _note(self, event: Event) -> None:
        name, number = event.payload.get("agentId"), event.payload.get("id")
        if not isinstance(name, str):
            return
        if event.type == "agent.registered" and isinstance(number, int):
            _keep(self._names, number, name)
            _keep(self.agents, name, event.payload)
        elif event.type == "agent.state.changed":
            _keep(self._states, name, str(event.payload.get("newState")))

    def _frame(self, frame: Frame) -> Iterator[Event]:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for kind, payload in self._told(frame):
            yield Event(kind, payload, now)

    def _told(self, frame: Frame) -> "Iterator[tuple[str, Mapping[str, Any]]]":
        """Of agents that were not announced nothing is told."""
        kind = frame["type"]
        if kind == "positions":
            agents: List[Any] = [
                {"agentId": self._names[each["id"]], **each} for each in frame["agents"] if each["id"] in self._names
            ]
            if agents:
                yield "agent.positions", {"agents": agents}
        elif kind == "states":
            for record in frame["agents"]:
                name = self._names.get(record["id"])
                if name is None:
                    continue
                before, state = self._states.get(name), STATES[record["state"]]
                _keep(self._states, name, state)
                yield "agent.state.changed", {
                    "agentId": name, "previousState": before, "newState": state, "reason": None, "metadata": record["metadata"],
                }
        elif kind == "metrics":
            figures = frame["metrics"]
            name = self._names.get(figures["id"])
            if name is not None:
                yield "agent.performance.update", {"agentId": name, "metrics": _metrics(figures), "trends": None}
        elif kind == "coordination":
            yield frame["payload"]["type"], {key: value for key, value in frame["payload"].items() if key != "type"}
        elif kind == "error":
            yield "error", frame["payload"]
        else:
            yield "heartbeat", {}


def _metrics(figures: Mapping[str, Any]) -> Mapping[str, Any]:
    cpu = figures["cpu"]
    return {
        "tasksCompleted": figures["tasks"], "successRate": figures["success"], "averageResponseTime": figures["averageMs"],
        "resourceUtilization": None if cpu is None else cpu / 100, "communicationEfficiency": None, "uptime": None,
        "messageQueueSize": None, "connectionCount": None, "memoryUsage": figures["memory"],
    }


def _keep(found: Dict[Any, Any], key: Any, value: Any) -> None:
    found.pop(key, None)
    found[key] = value
    if len(found) > _AGENTS_MAX:
        del found[next(iter(found))]


def _open(algorithm: Optional[str], data: bytes, original_size: int) -> bytes:
    """Opens no more than a batch claims."""
    if algorithm not in ALGORITHMS:
        raise BinaryProblem("it compresses, and was not asked to")
    if not 0 < original_size <= OPENED_MAX_BYTES:
        raise BinaryProblem("a compressed batch claims a size that it cannot have")
    opening = zlib.decompressobj(zlib.MAX_WBITS if algorithm == "deflate" else zlib.MAX_WBITS | 16)
    try:
        opened = opening.decompress(data, original_size)
        if opening.unconsumed_tail:
            opened += opening.decompress(opening.unconsumed_tail, 1)
    except zlib.error as problem:
        raise BinaryProblem(f"a compressed batch is damaged: {problem}") from None
    if len(opened) != original_size or not opening.eof:
        raise BinaryProblem("a compressed batch is not what it claims")
    return opened
