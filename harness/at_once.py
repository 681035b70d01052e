"""The same thing done with several others at the same time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


def at_once(action: Callable[[T], U], things: Iterable[T]) -> list[U]:
    """Do `action` with all things at the same time and return the answers in their order.

    Raises the first error, once it has been done with each.
    """
    with ThreadPoolExecutor() as pool:
        return list(pool.map(action, things))
