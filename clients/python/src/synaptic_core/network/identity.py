"""The keys of an agent (Agent Network §10.1, §10.8)."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from . import sodium
from .canonical import from_base64, to_base64


@dataclass(frozen=True)
class EarlierPair:
    """A long-term X25519 pair that still opens."""

    pair: sodium.KeyPair
    until: int  #: milliseconds since 1970


@dataclass(frozen=True)
class Identity:
    """`signing` is who the agent is, and stays; `agreement` serves seed mode only and is renewed."""

    signing: sodium.KeyPair
    agreement: sodium.KeyPair
    since: int  #: when `agreement` was made, milliseconds since 1970
    earlier: Tuple[EarlierPair, ...] = ()

    @classmethod
    def new(cls, now: int) -> Identity:
        return cls(sodium.signing_pair(), sodium.agreement_pair(), now)

    @property
    def fingerprint(self) -> str:
        return sodium.fingerprint(self.signing.public)

    def renewed(self, now: int, transition_ms: int) -> Identity:
        """With a new agreement pair; the one before opens for `transition_ms` more."""
        return Identity(self.signing, sodium.agreement_pair(), now, (EarlierPair(self.agreement, now + transition_ms), *self.current(now).earlier))

    def current(self, now: int) -> Identity:
        """Without the pairs whose time is over."""
        return Identity(self.signing, self.agreement, self.since, tuple(one for one in self.earlier if one.until > now))

    def written(self) -> Dict[str, Any]:
        """Its private keys as JSON: for a vault."""
        return {
            "signing": to_base64(self.signing.private), "agreement": to_base64(self.agreement.private), "since": self.since,
            "earlier": [{"private": to_base64(one.pair.private), "until": one.until} for one in self.earlier],
        }


def read_identity(value: Mapping[str, Any]) -> Identity:
    """What `written` gave. Raises ValueError, KeyError, TypeError."""
    signing = _bytes(value["signing"])
    earlier = tuple(EarlierPair(sodium.agreement_pair(_bytes(one["private"])), one["until"]) for one in value["earlier"])
    return Identity(sodium.KeyPair(signing[32:], signing), sodium.agreement_pair(_bytes(value["agreement"])), value["since"], earlier)


def _bytes(text: Any) -> bytes:
    found = from_base64(text)
    if found is None:
        raise ValueError("a key is no base64")
    return found
