"""Setting prices, rates, charges and costs; many at once, the same again changes nothing, and what changes is told."""

from batuta.pricing.commands.charges import forget_shipping_charges, lock_shipping_charges, save_shipping_charges
from batuta.pricing.commands.costs import set_unit_costs
from batuta.pricing.commands.prices import (
    Beginning,
    forget_prices,
    lock_price_list,
    save_price_lists,
    save_tax_rates,
    set_prices,
)

__all__ = [
    "Beginning",
    "forget_prices",
    "forget_shipping_charges",
    "lock_price_list",
    "lock_shipping_charges",
    "save_price_lists",
    "save_shipping_charges",
    "save_tax_rates",
    "set_prices",
    "set_unit_costs",
]
