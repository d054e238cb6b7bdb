"""How much of the machine's memory the database may have."""

import os
from pathlib import Path

MEGABYTE = 1024 * 1024
BUFFERS_LEAST_MB = 128
BUFFERS_MOST_MB = 2_048
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def memory_mb(container_limit: Path = CONTAINER_LIMIT) -> int:
    """The megabytes of the machine, or of the container that this runs in, whichever are fewer."""
    has = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = container_limit.read_text().strip()
    except OSError:
        limit = ""
    return min(has, int(limit) if limit.isdigit() else has) // MEGABYTE


def sizes(memory: int) -> dict[str, str]:
    """PostgreSQL's settings for so many megabytes: a quarter for its buffers, as its manual says, and half for what the
    system keeps of its files.
    """
    buffers = max(BUFFERS_LEAST_MB, min(memory // 4, BUFFERS_MOST_MB))
    return {"shared_buffers": f"{buffers}MB", "effective_cache_size": f"{max(memory // 2, buffers)}MB"}
