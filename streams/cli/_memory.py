"""How much memory a command took."""

from __future__ import annotations

import resource
import sys

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # of getrusage's ru_maxrss


def rss_bytes_max(*whose: int) -> int:
    """The most that a process held at once, in bytes: of this one, or the greatest among `whose` (getrusage's)."""
    return max(resource.getrusage(who).ru_maxrss for who in whose or (resource.RUSAGE_SELF,)) * RSS_UNIT
