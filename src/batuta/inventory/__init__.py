"""How many units are where, and how many of them may still be promised.

Words: movement (units going from one account to another), account (supplier, a location in a condition, a parcel,
customer, loss, inside kits), lot (units with one date, called back together), serial number (of one piece, which is
one order line's at a time), stock (what movements have left of one SKU at one location, in one condition and lot), on
hand, claim (units of a stock row that are reserved for a holder's line; soft with an end, hard without), holder (a
cart or an order, or who reserves by the API), slip (a movement as somebody outside tells it, by codes and under a key
of their own), reserved (the sum of claims), safety (units kept back), available (what may still be promised). Supply:
an expected receipt is to come at a date; a line waits for units that it was sold ahead of stock, and is pegged to the
receipts that they are to come from; a limit says how much a channel may sell so.

Laws: a stock row is the sum of its movements; reserved is the sum of held claims; no claim is granted beyond what is
available, whoever asks at the same moment; a soft claim that has ended no longer counts, swept or not. A count may
find fewer units than are reserved: that is recorded, and `FellShort` tells by how much. A unit of a SKU that is
tracked by lot becomes sellable only under a lot that is known, in date and not called back; from when a lot cannot be
sold stands in its stock rows, swept or not. Of a unique piece there is one.

Locks: stock rows first, in ascending order of (SKU, location, condition, lot), then claims in the order of their ids.
"""
