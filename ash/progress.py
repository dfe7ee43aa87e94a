"""How a long step tells how far it is."""

from collections.abc import Callable

Progress = Callable[[int, int], None]  # called with (done, total) after each unit of work


def quiet(done: int, total: int) -> None:
    """Report no progress."""
