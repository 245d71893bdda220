"""What an agent decides about its mailbox. Times are in milliseconds, as the broker's, but for `keep_s`."""
from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, TypedDict, Union

from .fault import Fault

HOUR_MS = 3_600_000  #: the longest lease and pause
_RETRY_FACTOR = 8


class MailboxOptions(TypedDict, total=False):
    """
    What is left out stays as it is, or is the broker's default. Those behind `max_bytes` are for `mode="take"`, in which the agent takes its messages and settles
    them when they are handled.
    """

    mode: str  #: push: messages come by themselves, also after the agent was away; take
    keep_s: float  #: how long a message waits, seconds
    max: int  #: messages that wait at most
    max_bytes: int  #: their bytes at most
    batch: int  #: messages that this agent has leased at once; 100, of 1,000 at most
    parallel: int  #: handlers of requests that run at once; 8. The blocking agent has not more than `handler_threads`
    max_tokens: int  #: about so many tokens come together at most, of four bytes
    lease_ms: int  #: for how long a message is this agent's, unless that is extended: which it is while a handler runs; 120,000
    wait_ms: int  #: how long one question to the broker waits for messages; 30,000
    retry_ms: int  #: the pause after a handler has failed for the first time, eight times as long with each further one; 1,000


#: `True` is `"push"`; `False`: this agent opens none.
MailboxOption = Union[bool, str, MailboxOptions]


@dataclass(frozen=True)
class TakeSettings:
    """How messages are taken. Times in milliseconds."""

    batch: int = 100
    parallel: int = 8
    max_tokens: Optional[int] = None
    lease_ms: int = 120_000
    wait_ms: int = 30_000
    retry_ms: int = 1_000

    def retry_delay_ms(self, attempt: int) -> int:
        """How long a message rests whose handler has failed so often."""
        return int(min(self.retry_ms * _RETRY_FACTOR ** min(max(0, attempt - 1), 20), HOUR_MS))


_BOUNDS: Mapping[str, Tuple[int, int]] = {
    "batch": (1, 1_000),
    "parallel": (1, 1_000),
    "max_tokens": (1, 2**53 - 1),
    "lease_ms": (1_000, HOUR_MS),
    "wait_ms": (0, 30_000),
    "retry_ms": (1, HOUR_MS),
}
_OPEN = ("keep_s", "max", "max_bytes")


def mailbox_settings(option: Any) -> Tuple[Dict[str, Any], Optional[TakeSettings]]:
    """What the broker is asked to open, and how messages are taken: None in push mode. What is the box's own is checked by the broker. Raises Fault malformed."""
    given = "push" if option is True else option
    options: Any = {"mode": given} if isinstance(given, str) else given
    if not isinstance(options, Mapping):
        raise _wrong(option)
    mode = options.get("mode", "push")
    if mode not in ("push", "take"):
        raise _wrong(mode)
    _check_belonging(mode, options)
    wanted = {"mode": mode, **{key: options[key] for key in _OPEN if options.get(key) is not None}}
    return wanted, take_settings(options) if mode == "take" else None


def _check_belonging(mode: str, options: Mapping[str, Any]) -> None:
    """Raises Fault malformed: what is unknown, or belongs to another mode or another dialect."""
    known = ("mode", *_OPEN, *_BOUNDS)
    for name, value in options.items():
        if name == "rooms":
            raise Fault("malformed", "mailbox has rooms, which is not for agents over ZeroMQ: leave it out, and join the rooms when you are back")
        if name not in known:
            meant = _meant(str(name), known)
            raise Fault("malformed", f"mailbox has {name!r:.40}; {f'did you mean {meant}?' if meant else 'known are ' + ', '.join(known)}")
        if mode == "push" and name in _BOUNDS and value is not None:
            raise Fault("malformed", f"mailbox has {name}, which is for an agent that takes its messages: add 'mode': 'take', or leave {name} out")


def _meant(name: str, known: Sequence[str]) -> Optional[str]:
    """The known name that was probably meant: one that begins so, or that is written almost so."""
    begun = [one for one in known if len(name) > 2 and one.startswith(name)]
    return next(iter(begun or get_close_matches(name.lower(), known, 1, 0.75)), None)


def take_settings(options: Mapping[str, Any]) -> TakeSettings:
    """How messages are taken. Raises Fault malformed: a number that is none, or is out of its bounds."""
    given = {name: options[name] for name in _BOUNDS if options.get(name) is not None}
    for name, value in given.items():
        whole(name, value, *_BOUNDS[name])
    return TakeSettings(**given)


def whole(name: str, value: Any, least: int, most: int) -> int:
    """A whole number. Raises Fault malformed for what is none, or is out of its bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Fault("malformed", f"{name} is {value!r:.40}; give a whole number from {least} to {most}")
    return value


def _wrong(given: Any) -> Fault:
    return Fault("malformed", f"mailbox is {given!r:.40}; give True, 'push', 'take', or {{'mode': 'take', …}}")
