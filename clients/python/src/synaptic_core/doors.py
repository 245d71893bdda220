"""Where the broker is."""
from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .fault import Fault


@dataclass(frozen=True)
class Doors:
    """The broker's two ZeroMQ addresses."""

    zmq_in: str  #: where agents' PUB sockets connect
    zmq_out: str  #: where agents' SUB sockets connect


def find_doors(zmq_in: Optional[str] = None, zmq_out: Optional[str] = None, data_dir: Optional[str] = None) -> Doors:
    """The doors as told, else those of the broker that runs on this machine, else the standard ports. Raises Fault malformed."""
    if zmq_in is not None and zmq_out is not None:
        return Doors(zmq_in, zmq_out)
    known = _read(Path(data_dir) if data_dir is not None else default_data_dir())
    return Doors(zmq_in or known.zmq_in, zmq_out or known.zmq_out)


def default_data_dir() -> Path:
    """Where the broker keeps `endpoints.json` unless it is told otherwise."""
    told = os.environ.get("SYNAPTIC_DATA_DIR")
    if told:
        return Path(told)
    shared = os.environ.get("XDG_DATA_HOME")
    return (Path(shared) if shared else Path.home() / ".local" / "share") / "synaptic-core"


def _read(data_dir: Path) -> Doors:
    standard = Doors("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5556")
    path = data_dir / "endpoints.json"
    try:
        endpoints = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return standard  # no broker has written its doors there
    except (OSError, ValueError) as error:
        raise Fault("malformed", f"{path} cannot be read: {error}") from error
    zmq_in, zmq_out = endpoints.get("zmqIn"), endpoints.get("zmqOut")
    return Doors(zmq_in[0], zmq_out[0]) if zmq_in and zmq_out else standard
