"""What follows what: the score of an order's whole life, and the small commands that play it.

Words: step (on this fact, do that), score (all steps, read from top to bottom).
Law: a step takes a run of facts of one type and calls commands of the rooms below; every command it calls is
idempotent by the ids it is given, so that a step played again changes nothing.
"""
