"""The garbage collector, told how this house works: very many short-lived structs, and hardly a cycle.

Left as it is, it walks all that is alive after every few hundred new objects: a third of the time of a busy batch.
"""

import gc

NEW_OBJECTS = 50_000
YOUNG_PER_MIDDLE = 20
MIDDLE_PER_OLD = 50


def settle_in() -> None:
    """Call once all modules are imported: what is alive now stays for ever and is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, YOUNG_PER_MIDDLE, MIDDLE_PER_OLD)
