"""Where each unit of an order ships from, what that costs, and why from nowhere else.

Words: candidate (a location that holds some of what is asked), rule (a hard reason that shuts a location out), lane
(one service from one location to this address), shipment (what one location sends), plan (the cheapest shipments for
all units asked), runner-up (the location that comes next), decision (the record of it all, kept per line), rejection
(a location that gave a unit back, and is banned for it), attempt (how many times an order has been planned), capacity
(how much a location takes in a day or an hour; a plan holds some of it until the location answers), slot (a window
with so many places), hold (a place in one, for a while or an order's), template (a window on weekdays, from which
slots are made).

Laws: a plan is the cheapest there is, in money, or is marked `is_greedy`. Equal costs are settled by named ties, so
the same facts give the same plan. A plan and its claims on stock are one thing: a unit is planned only where the
order holds it, or where it could be moved to in the same transaction. A unit of a bundle ships whole, from one
location. No location is given more than its limits say, unless a person wants it. No slot is confirmed to more than
it takes; one whose capacity nobody knows is none. Every planned unit has a decision, and every location that had
stock of it is in that decision with its reason.
"""
