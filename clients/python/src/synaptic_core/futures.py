"""Waits that may end from either side: by an outcome, or by being given up."""
from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from typing import Any, Callable, TypeVar

_T = TypeVar("_T")
_S = TypeVar("_S")


def settle(future: "Future[Any]", outcome: object) -> None:
    """Ends a wait by a value or an exception, unless it was given up or has ended."""
    try:
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
    except InvalidStateError:
        return  # whoever was first has settled it


def given_up() -> "Future[Any]":
    """A future of what is never begun."""
    never: "Future[Any]" = Future()
    never.cancel()
    never.set_running_or_notify_cancel()
    return never


def then(first: "Future[_T]", read: "Callable[[_T], _S]") -> "Future[_S]":
    """A future of what `read` makes of another's value. Giving it up gives up the other."""
    second: "Future[_S]" = Future()

    def follow(done: "Future[_T]") -> None:
        if done.cancelled():
            second.cancel()
            return
        try:
            outcome: object = read(done.result())
        except Exception as error:
            outcome = error
        settle(second, outcome)

    first.add_done_callback(follow)
    second.add_done_callback(lambda done: first.cancel() if done.cancelled() else None)
    return second
