"""The units of transfers: picked, shipped, received, and what became of those that did not arrive (INV-03, FUL-12).

A transfer takes only what is free: picking claims its units like an order's, so nobody's claim is taken away. Shipped
units are in the transfer's own account of the ledger, until it is known of each what became of it.
"""

from batuta.inventory.commands.transferring.arriving import receive_transfers, settle_transfers
from batuta.inventory.commands.transferring.leaving import cancel_transfers, pick_transfers, ship_transfers

__all__ = ["cancel_transfers", "pick_transfers", "receive_transfers", "settle_transfers", "ship_transfers"]
