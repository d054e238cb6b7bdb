"""What every room speaks: money, quantities, ids, states, errors, periods, facts.

Pure: no clock, no chance, no database. `now`, ids and random choices come in as arguments.
"""
