"""What is made in a thread of its own, a little ahead of whoever takes it: polars counts while Python folds."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")
_END = object()
_PUT_SECONDS = 0.5


def ahead(items: Iterable[T], most: int) -> Generator[T, None, None]:
    """`items` in their order, at most `most` of them made before they are asked for; what making one raises is raised
    here. Whoever stops taking ends the thread by closing the iterator."""
    made: queue.Queue[object] = queue.Queue(most)
    given_up = threading.Event()

    def put(item: object) -> bool:
        while not given_up.is_set():
            try:
                made.put(item, timeout=_PUT_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        end: object = _END
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as error:
            end = _Raised(error)
        put(end)

    thread = threading.Thread(target=make, name="ahead", daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not _END:
            if isinstance(item, _Raised):
                raise item.error
            yield item  # type: ignore[misc]  # only items and the two signs are put
    finally:
        given_up.set()
        thread.join()


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error
