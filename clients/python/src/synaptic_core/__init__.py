"""Agents for the message broker Synaptic Core. The same for asyncio: `synaptic_core.aio`."""
from .agent import Agent
from .envelope import Envelope, Inform, Message, Request, Response, Said
from .fault import FAULT_CODES, Fault
from .listed import Cursor, ListedAgent, ListedRoom, Past
from .options import AgentOptions

__all__ = ["Agent", "AgentOptions", "Cursor", "Envelope", "FAULT_CODES", "Fault", "Inform", "ListedAgent", "ListedRoom", "Message", "Past", "Request", "Response", "Said"]
