"""The two packages that only the network needs: named where they are missing."""
from __future__ import annotations

import importlib
from typing import Any


def sodium_bindings() -> Any:
    """libsodium as PyNaCl gives it. Raises ImportError with the remedy."""
    return _needed("nacl.bindings", "PyNaCl 1.5 or newer", "python3-nacl")


def websockets_package() -> Any:
    """The package `websockets`, 10 or newer, with its `exceptions`. Raises ImportError with the remedy."""
    _needed("websockets.exceptions", "websockets 10 or newer", "python3-websockets")
    return _needed("websockets", "websockets 10 or newer", "python3-websockets")


def _needed(module: str, what: str, debian: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise ImportError(f"synaptic_core.network needs {what}: apt install {debian}, or pip install 'synaptic-core[network]'") from missing
