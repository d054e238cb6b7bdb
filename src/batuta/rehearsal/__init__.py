"""Other rules, tried on orders that were, or beside the live ones: what they would change, told before they go live.

Words: recorded order (with its first plan, as it was made), scenario (a set of strategies), replay (the same search
over the facts of that moment), drift (by how much a scenario has left other units free than were, so that what it took
is missing to its later orders), comparison (of the live strategies with those and the draft); shadow (a draft with
which every order that is planned is planned again, a moment later), pending (an order that is yet to be).

Laws: a replay writes nothing; the live rules replayed make the plans that were made, where no reference data have
changed since. Stock, claims, rejections and loads are as they were; prices of carriers, costs of units, calendars of
locations, and what is kept back by rules are as they are now. A shadow writes nothing that anything live reads, no
transaction of the house waits for it, and an order of it finds the stock as the live rules left it: no drift (SRC-13).
"""
