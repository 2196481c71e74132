"""What is made in a process of its own, a little ahead of whoever takes it: counted on one core, folded on another."""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Generator, Iterable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from streams.ahead import ahead
from streams.processes import died

J = TypeVar("J")
T = TypeVar("T")
Make = Callable[[J], Iterable[T]]


def apart(make: Make[J, T], job: J, most: int) -> Generator[T, None, None]:
    """The items of `make(job)` in their order, at most `most` of them made before they are asked for. `make` is a
    function of a module; what it raises is raised here, Unavailable where its process died. Whoever stops taking ends
    the process by closing the iterator."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(there, make, job, most), name="apart", daemon=True)
    process.start()
    there.close()  # what ends there ends here
    try:
        while (said := _heard(here)) is not None:
            item, error, where = said
            if error is not None:
                error.add_note(where)
                raise error
            yield item
    finally:
        here.close()
        process.terminate()
        process.join()


def _heard(pipe: Connection) -> Any:
    """An item, or what making it raised and where; None at the end."""
    try:
        return pipe.recv()
    except EOFError:
        raise died("work") from None


def _tell(pipe: Connection, make: Make[J, T], job: J, most: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever interrupts a run interrupts the one who takes
    try:
        for item in ahead(make(job), most):
            pipe.send((item, None, ""))
        pipe.send(None)
    except BrokenPipeError:
        return  # nobody takes any more
    except Exception as error:
        pipe.send((None, error, traceback.format_exc()))
