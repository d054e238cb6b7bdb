"""What batuta is worth under load, measured: each module is a program, `python -m benchmarks.orders`.

Each starts a server of its own in a fresh folder (fsync on), two processes of batuta over it, a catalogue, and a load
generator that is a raw asyncio client in a process of its own. The last line is what was measured, the lines
before it say on what. See docs/benchmarks.md.
"""
