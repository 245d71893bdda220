"""Waits that leave out the time in which this process stood still (SIGSTOP, a paused container, a laptop's sleep)."""
from __future__ import annotations

import time
from typing import Callable, Iterator

_OVER_S = 1e-6  # less than this is rounding
SLICE_S = 0.2  #: a wait is cut into slices; of one that takes far longer than asked only twice as much counts


def slices(timeout_s: float, now: Callable[[], float] = time.monotonic) -> Iterator[float]:
    """How long to wait next, again and again, until `timeout_s` are over. After a time of standing still there is one slice more: what has come meanwhile is read first."""
    left_s = timeout_s
    stood_still = False
    while left_s > _OVER_S or stood_still:
        begun = now()
        yield min(left_s, SLICE_S) if left_s > _OVER_S else SLICE_S
        passed_s = now() - begun
        stood_still = passed_s > 2 * SLICE_S
        left_s -= min(passed_s, 2 * SLICE_S)
