"""Tools that are fetched or built once and kept under the user's cache, outside the tree."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.config import cache_directory


def kept(name: str) -> Path:
    """Where the tool of this name (with its version) is kept, whether it is there or not."""
    return cache_directory() / name


def fetched(name: str, fill: Callable[[Path], None]) -> Path:
    """The tool's directory. `fill` is called to make it where it is not there yet.

    It fills a temporary directory that is then renamed, so that half a download is never taken for all of it.
    """
    directory = kept(name)
    if directory.is_dir():
        return directory
    directory.parent.mkdir(parents=True, exist_ok=True)
    with only_one(directory.parent / f"{name}.lock"):
        if not directory.is_dir():  # another process may have made it while we waited
            partial = Path(tempfile.mkdtemp(prefix=name, suffix=".partial", dir=directory.parent))
            try:
                fill(partial)
                partial.chmod(0o755)
                partial.rename(directory)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return directory


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Holds the lock file; other processes wait."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
