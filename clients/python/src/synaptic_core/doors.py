"""Where the broker is."""
from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from .fault import Fault


#: A broker's file is a few hundred bytes.
_MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class Doors:
    """The broker's two ZeroMQ addresses."""

    zmq_in: str  #: where agents' PUB sockets connect
    zmq_out: str  #: where agents' SUB sockets connect
    origin: str = field(default="as you said", compare=False)  #: who named them, for people

    def __str__(self) -> str:
        return f"{self.zmq_in} and {self.zmq_out} ({self.origin})"


def find_doors(zmq_in: Optional[str] = None, zmq_out: Optional[str] = None, data_dir: Optional[str] = None) -> Doors:
    """The doors as told, else those of the broker that runs on this machine, else the standard ports. Raises Fault malformed, unavailable (it has none)."""
    if zmq_in is not None and zmq_out is not None:
        return Doors(zmq_in, zmq_out)
    known = _read(Path(data_dir) if data_dir is not None else default_data_dir())
    return Doors(zmq_in or known.zmq_in, zmq_out or known.zmq_out, known.origin)


def nobody_there(doors: Doors) -> Fault:
    """The fault of an agent that has reached no broker: where it looked, and what to do."""
    remedy = "start one (broker start), or say where it is: data_dir or SYNAPTIC_DATA_DIR is its folder, zmq_in and zmq_out are its addresses"
    return Fault("unavailable", f"no broker answers at {doors}; {remedy}")


def default_data_dir() -> Path:
    """Where the broker keeps `endpoints.json` unless it is told otherwise."""
    told = os.environ.get("SYNAPTIC_DATA_DIR")
    if told:
        return Path(told)
    shared = os.environ.get("XDG_DATA_HOME")
    return (Path(shared) if shared else Path.home() / ".local" / "share") / "synaptic-core"


def _read(data_dir: Path) -> Doors:
    path = data_dir / "endpoints.json"
    standard = Doors("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5556", f"the standard ports, because {path} is not there")
    other = "move it away and restart the broker, or say where the broker is (zmq_in, zmq_out)"
    try:
        text = _text(path)
    except (FileNotFoundError, NotADirectoryError):
        return standard  # no broker has written its doors there
    except PermissionError as error:
        remedy = "run this as the user that runs the broker, or say where the broker is (zmq_in, zmq_out)"
        raise Fault("malformed", f"{path} cannot be read: {error}; {remedy}") from error
    except (OSError, ValueError) as error:
        raise Fault("malformed", f"{path} cannot be read: {error}; {other}") from error
    try:
        endpoints = json.loads(text)
        zmq_in, zmq_out = _first(endpoints["zmqIn"]), _first(endpoints["zmqOut"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Fault("malformed", f"{path} is not what a broker writes: {error}; {other}") from error
    if zmq_in and zmq_out:
        return Doors(zmq_in, zmq_out, f"from {path}")
    # Not the standard ports: another broker may be there.
    raise Fault("unavailable", f"the broker of {path} has no ZeroMQ doors; start it with them (zmqIn, zmqOut), or say where another broker is (zmq_in, zmq_out)")


def _text(path: Path) -> str:
    """A file's text. A pipe in its place is not waited for."""
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ValueError("it is no regular file")
        read = os.read(file, _MAX_BYTES)
    finally:
        os.close(file)
    if len(read) == _MAX_BYTES:
        raise ValueError(f"it is longer than {_MAX_BYTES // 1024} KiB")
    return read.decode("utf-8")


def _first(addresses: object) -> Optional[str]:
    """The first of a list of addresses; None for an empty list: the broker has no such door."""
    if not isinstance(addresses, list) or not all(isinstance(each, str) for each in addresses):
        raise ValueError("zmqIn and zmqOut must be lists of addresses")
    return addresses[0] if addresses else None
