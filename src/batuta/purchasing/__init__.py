"""What is bought from suppliers because customers bought it: goods that a supplier sends to them by itself (dropship).

Words: supplier (a location whose terms are known: what it is paid, and how far its invoices may differ), cost (what a
unit of a SKU costs there; without one, the customer's price less the supplier's commission), purchase order (asks a
supplier for what one fulfillment order asks of its location), invoice (what the supplier wants to be paid for it).

Laws: a purchase order is of one fulfillment order and asks for what that still asks for; what a line is invoiced for
is the sum of the invoices that matched or that somebody accepted. Stock, claims and parcels are those of the supplier's
location, as everywhere: its feed says what it has, and nothing is sold beyond that.

Locks: orders, then purchase orders in the order of their ids.
"""
