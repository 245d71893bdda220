"""Agents for the message broker Synaptic Core. The same for asyncio: `synaptic_core.aio`."""
from .agent import Agent
from .envelope import Envelope, Inform, Message, Request, Response, Said
from .fault import FAULT_CODES, Fault, Refuse
from .listed import Cursor, ListedAgent, ListedRoom, Past
from .mail import Mail
from .mail_answers import Delivery, MailboxStatus, Peeked, PeekedPage, Receipt
from .mailbox_options import MailboxOption, MailboxOptions
from .options import AgentOptions
from .sent import Sent

__all__ = [
    "Agent", "AgentOptions", "Cursor", "Delivery", "Envelope", "FAULT_CODES", "Fault", "Inform", "ListedAgent", "ListedRoom", "Mail", "MailboxOption", "MailboxOptions",
    "MailboxStatus", "Message", "Past", "Peeked", "PeekedPage", "Receipt", "Refuse", "Request", "Response", "Said", "Sent",
]
