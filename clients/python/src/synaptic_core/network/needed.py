"""The packages that only parts of this one need: named where they are missing."""
from __future__ import annotations

import importlib
from typing import Any


def sodium_bindings() -> Any:
    """libsodium as PyNaCl gives it. Raises ImportError with the remedy."""
    return _needed("nacl.bindings", "PyNaCl 1.5 or newer", "python3-nacl", "network")


def websockets_package(part: str = "network") -> Any:
    """The package `websockets`, 10 or newer, with its `exceptions`, for `part` of this one. Raises ImportError with the remedy."""
    _needed("websockets.exceptions", "websockets 10 or newer", "python3-websockets", part)
    return _needed("websockets", "websockets 10 or newer", "python3-websockets", part)


def _needed(module: str, what: str, debian: str, part: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise ImportError(f"synaptic_core.{part} needs {what}: apt install {debian}, or pip install 'synaptic-core[{part}]'") from missing
