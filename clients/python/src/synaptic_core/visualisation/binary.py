"""
The binary protocol (Visualisation §2.3). A frame is a dict: `type` (`positions`, `states`, `metrics`, `coordination`,
`heartbeat`, `error`, `compressed`), `priority` (0 low to 3 critical; a compressed batch has none), and what it says.
"""
from __future__ import annotations

import math
import struct
from typing import Any, Dict, List, Optional

from .msgpack import BinaryProblem, unpack_map

Frame = Dict[str, Any]

STATES = ("OFFLINE", "IDLE", "EXECUTING", "WAITING", "ERROR")  #: by their number on the wire
_TYPES = {1: "positions", 2: "states", 3: "metrics", 4: "coordination", 5: "compressed", 6: "heartbeat", 0xFF: "error"}
_MAGIC = b"AGNT"
_HEADER, _COMPRESSED_HEADER = 8, 9
_RESERVED_FLAGS = 0b11111001
_POSITION = struct.Struct(">I6f")
_STATE = struct.Struct(">IBBH")
_METRICS = struct.Struct(">II3fQ")
_UNKNOWN_32, _UNKNOWN_64, _SAFE = 2**32 - 1, 2**64 - 1, 2**53 - 1
_COMPRESSED_MAX = 16 * 1024 * 1024


class FrameReader:
    """
    Reads frames out of bytes that come in pieces, or several frames at once. It keeps what has come of one frame; after a
    problem nothing more can be read.
    """

    def __init__(self, max_compressed_bytes: int = _COMPRESSED_MAX) -> None:
        """`max_compressed_bytes`: of a compressed batch; 0: there may be none."""
        self._max = max_compressed_bytes
        self._held = bytearray()
        self._problem: Optional[BinaryProblem] = None

    def push(self, data: bytes) -> List[Frame]:
        """The frames that are whole by now; a compressed one is returned by `end`. Raises BinaryProblem."""
        self._must_be_sound()
        self._held += data
        frames: List[Frame] = []
        try:
            while True:
                frame = self._next()
                if frame is None:
                    return frames
                frames.append(frame)
        except BinaryProblem as problem:
            self._problem = problem
            self._held = bytearray()
            raise

    def end(self) -> Optional[Frame]:
        """At the end of a WebSocket message: the compressed batch that came in it. Raises BinaryProblem: a frame is not whole."""
        self._must_be_sound()
        held, self._held = self._held, bytearray()
        if not held:
            return None
        if len(held) <= _COMPRESSED_HEADER or _TYPES[held[4]] != "compressed":
            self._problem = BinaryProblem("the message ends within a frame")
            raise self._problem
        return {"type": "compressed", "originalSize": int.from_bytes(held[5:9], "big"), "data": bytes(held[9:])}

    def _must_be_sound(self) -> None:
        if self._problem is not None:
            raise self._problem

    def _next(self) -> Optional[Frame]:
        held = self._held
        if bytes(held[:4]) != _MAGIC[:len(held)]:
            raise BinaryProblem("a frame begins with AGNT; this does not")
        if len(held) < 5:
            return None
        kind = _TYPES.get(held[4])
        if kind is None:
            raise BinaryProblem(f"0x{held[4]:02x} is no type of a frame")
        if kind == "compressed":
            if self._max == 0:
                raise BinaryProblem("a compressed batch may not stand here")
            if len(held) > _COMPRESSED_HEADER + self._max:
                raise BinaryProblem(f"a compressed batch has more than {self._max} bytes")
            return None
        if len(held) > 5 and held[5] & _RESERVED_FLAGS:
            raise BinaryProblem("only bits 1 and 2 of the flags are used, the others are reserved, and 0")
        if len(held) < _HEADER:
            return None
        length = int.from_bytes(held[6:8], "big")
        _must_be_length(kind, length)
        if len(held) < _HEADER + length:
            return None
        payload = memoryview(bytes(held[_HEADER:_HEADER + length]))
        frame = {"priority": held[5] >> 1, "type": kind, **_PAYLOADS[kind](payload)}
        del held[:_HEADER + length]
        return frame


def read_frames(message: bytes, max_compressed_bytes: int = _COMPRESSED_MAX) -> List[Frame]:
    """All frames of one whole WebSocket message. Raises BinaryProblem, for an empty one, too."""
    if not message:
        raise BinaryProblem("the message is empty")
    reader = FrameReader(max_compressed_bytes)
    frames = reader.push(message)
    last = reader.end()
    return frames if last is None else [*frames, last]


def heartbeat(at_ms: int) -> bytes:
    """A HEARTBEAT frame, of milliseconds since the epoch."""
    return _MAGIC + struct.pack(">BBHQ", 6, 2, 8, at_ms)


def _must_be_length(kind: str, length: int) -> None:
    """Refuses a length that no payload of this type can have, before the payload is there."""
    possible = {
        "positions": length >= 4 and (length - 4) % _POSITION.size == 0, "states": length >= 4,
        "metrics": length == _METRICS.size, "heartbeat": length == 8,
    }
    if not possible.get(kind, length >= 1):
        raise BinaryProblem(f"a frame of {kind} never has {length} bytes")


def _positions(payload: memoryview) -> Dict[str, Any]:
    count = int.from_bytes(payload[:4], "big")
    if count != (len(payload) - 4) // _POSITION.size:
        raise BinaryProblem(f"it counts {count} positions, and its length says otherwise")
    agents = []
    for number, *axes in _POSITION.iter_unpack(payload[4:]):
        if not all(map(math.isfinite, axes)):
            raise BinaryProblem("a position is NaN or infinite")
        agents.append(dict(zip(("id", "x", "y", "z", "vx", "vy", "vz"), (number, *axes))))
    return {"agents": agents}


def _states(payload: memoryview) -> Dict[str, Any]:
    count = int.from_bytes(payload[:4], "big")
    # The smallest metadata are one byte: a count that is larger than what is there is a lie.
    if count > (len(payload) - 4) / (_STATE.size + 1):
        raise BinaryProblem(f"it counts {count} states, and there are fewer")
    agents, at = [], 4
    for _ in range(count):
        if at + _STATE.size > len(payload):
            raise BinaryProblem(f"it counts {count} states, and there are fewer")
        number, state, flags, size = _STATE.unpack(payload[at:at + _STATE.size])
        if state >= len(STATES):
            raise BinaryProblem(f"{state} is no state")
        if flags != 0:
            raise BinaryProblem("the flags of a state are reserved, and 0")
        end = at + _STATE.size + size
        if end > len(payload):
            raise BinaryProblem("the metadata of a state go beyond the frame")
        agents.append({"id": number, "state": state, "metadata": unpack_map(payload[at + _STATE.size:end])})
        at = end
    if at != len(payload):
        raise BinaryProblem("something follows the last state")
    return {"agents": agents}


def _metrics(payload: memoryview) -> Dict[str, Any]:
    number, tasks, success, average, cpu, memory = _METRICS.unpack(payload)
    if _SAFE < memory < _UNKNOWN_64:
        raise BinaryProblem("a memory has 2^53 bytes or more")
    return {"metrics": {
        "id": number, "tasks": None if tasks == _UNKNOWN_32 else tasks, "success": _figure(success, 1, "a success rate"),
        "averageMs": _figure(average, None, "an average time"), "cpu": _figure(cpu, 100, "a CPU load"),
        "memory": None if memory == _UNKNOWN_64 else memory,
    }}


def _figure(value: float, most: Optional[float], what: str) -> Optional[float]:
    if math.isnan(value):
        return None
    if math.isfinite(value) and value >= 0 and (most is None or value <= most):
        return value
    raise BinaryProblem(f"{what} of {value} cannot be")


def _coordination(payload: memoryview) -> Dict[str, Any]:
    found = unpack_map(payload)
    if not isinstance(found.get("type"), str):
        raise BinaryProblem("a coordination event has no `type`")
    return {"payload": found}


def _heartbeat(payload: memoryview) -> Dict[str, Any]:
    at = int.from_bytes(payload, "big")
    if at > _SAFE:
        raise BinaryProblem("a heartbeat's time is beyond 2^53 ms")
    return {"at": at}


_PAYLOADS = {
    "positions": _positions, "states": _states, "metrics": _metrics, "coordination": _coordination,
    "heartbeat": _heartbeat, "error": lambda payload: {"payload": unpack_map(payload)},
}
