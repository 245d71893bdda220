"""
Agents that seal what they say: Agent Network over WebSocket, for asyncio. Needs PyNaCl and websockets
(`apt install python3-nacl python3-websockets`, or `pip install 'synaptic-core[network]'`).
"""
from ..fault import Fault
from .agent import SecureAgent
from .delivery import DeliveryReport, SentMessage
from .message import AnswerError, NetworkMessage
from .metrics import Metrics
from .options import NetworkOptions
from .security import SECURITY_KINDS, Fingerprints, SecurityEvent
from .transcript import TranscriptEntry

__all__ = [
    "AnswerError", "DeliveryReport", "Fault", "Fingerprints", "Metrics", "NetworkMessage", "NetworkOptions", "SECURITY_KINDS", "SecureAgent", "SecurityEvent", "SentMessage",
    "TranscriptEntry",
]
