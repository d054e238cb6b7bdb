"""The work at one location for one order: offered, accepted, picked, packed, and handed over or collected.

Words: fulfillment order (work to serve lines of one order from one location by one method), offer (waits for the
location's yes), rejection (the location's no, with a reason that says what happens to stock and to later offers),
short (units that are not there), package (a parcel and what was packed into it, with its lots, serial numbers and
weights), work order (how what is made to order is made here: its proof, its steps, and who signed them), hand-over (to
the carrier), collection (by the customer, with a code), cancellation (asked of a location, which answers), take back (a
parcel that comes home without having been delivered), write off (one that is lost for good).

Laws: every verb is told in totals, so saying it again changes nothing. Along a line, units come only in this order:
quantity >= live >= picked >= packed >= handed over >= delivered + taken back. The buckets of the order's line move in
the transaction that moves its fulfillment order, stock leaves the location in the transaction that packs or hands out.
"""
