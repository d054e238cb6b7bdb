"""6,292 real orders of a Brazilian marketplace, from the cart to the door, by one command.

    python -m examples.olist --from FOLDER [--json]

The data drives the clock: one step is one simulated hour. Sellers are locations, the marketplace is a channel,
the bank answers when the data says that it answered, and the carriers report what the data says they did.
"""
