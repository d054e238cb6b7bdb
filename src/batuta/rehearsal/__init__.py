"""Other rules, tried on orders that were: what they would have changed, told before they go live (SRC-13).

Words: recorded order (with its first plan, as it was made), scenario (a set of strategies), replay (the same search
over the facts of that moment), drift (by how much a scenario has left other units free than were, so that what it took
is missing to its later orders), comparison (of the live strategies with those and the draft).

Laws: a replay writes nothing; the live rules replayed make the plans that were made, where no reference data have
changed since. Stock, claims, rejections and loads are as they were; prices of carriers, calendars of locations, and
what is kept back by rules are as they are now.
"""
