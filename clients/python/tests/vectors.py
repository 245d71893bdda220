"""The vectors that every SDK runs."""
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def vectors(name):
    return json.loads((ROOT / "test" / "vectors" / f"{name}.json").read_text(encoding="utf-8"))
