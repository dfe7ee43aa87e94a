"""Reads many files in parallel and hands them on in order, in memory that does not grow with their number."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(function: Callable[[T], R], items: Iterable[T], count: int) -> Iterator[R]:
    """`function` of each item, in their order, at most `count` of them computed before they are asked for.

    Runs in threads, as many as this process may use cores: image decoders and hashes release the interpreter's lock.
    """
    waiting: deque[Future[R]] = deque()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ThreadPoolExecutor(cores) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
