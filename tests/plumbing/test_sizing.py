from pathlib import Path

import pytest

from batuta.plumbing.embedded.sizing import memory_mb, sizes


@pytest.mark.parametrize(
    ("memory", "buffers", "cache"),
    [(512, "128MB", "256MB"), (4_096, "1024MB", "2048MB"), (65_536, "2048MB", "32768MB"), (100, "128MB", "128MB")],
)
def test_the_database_takes_a_quarter_of_the_memory_within_bounds(memory: int, buffers: str, cache: str) -> None:
    assert sizes(memory) == {"shared_buffers": buffers, "effective_cache_size": cache}


def test_a_container_has_no_more_than_its_limit(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    whole = memory_mb(tmp_path / "nothing")

    limit.write_text(f"{64 * 1024 * 1024}\n")
    assert memory_mb(limit) == 64
    limit.write_text("max\n")
    assert memory_mb(limit) == whole > 64
