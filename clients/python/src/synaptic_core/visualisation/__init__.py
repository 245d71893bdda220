"""
Looks at what agents do, and commands them: Visualisation over WebSocket, for asyncio and notebooks. Needs websockets
(`apt install python3-websockets`, or `pip install 'synaptic-core[visualisation]'`); `read_frames` alone needs nothing.
"""
from ..fault import Fault
from .binary import STATES, BinaryProblem, FrameReader, read_frames
from .viewer import CommandRefused, Event, Viewer

__all__ = ["BinaryProblem", "CommandRefused", "Event", "Fault", "FrameReader", "STATES", "Viewer", "read_frames"]
