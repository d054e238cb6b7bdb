"""Orders: what was asked for, by whom, for how much, and where every unit of it is.

Words: order, line, bucket (what has become of units: open, reserved, … delivered), unit move (so many units of a line
from one bucket to another), hold (why an order may not go on yet), adjustment (a named amount on top or off), cart
(what somebody is about to buy), visitor (who may use a cart: by its token, as its customer, or its storefront), route
(how units are had: shipped or collected, and where), reroute (the question to a customer whose store cannot have their
units ready).

Laws: the buckets of a line sum to its quantity, and are its first bucket plus its unit moves; an order is stored with
its claims on stock, its prices and its dues, or not at all; the same id or the same outside number is one order. A cart
becomes one order, however often it is asked, and no longer changes then.
"""
