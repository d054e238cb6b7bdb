"""Tables of the inventory, a module for each noun."""

from batuta.inventory.tables.counts import stock_count as stock_count
from batuta.inventory.tables.stock import Key, holder, movement, one_of, reservation, stock

__all__ = ["Key", "holder", "movement", "one_of", "reservation", "stock"]
