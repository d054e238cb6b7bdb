"""What locations can do, and what goods and orders ask of them."""

from enum import StrEnum


class Ability(StrEnum):
    SHIP = "ship"
    PICKUP = "pickup"
    RECEIVE_RETURNS = "receive_returns"
    GIFT_WRAP = "gift_wrap"
    ASSEMBLE = "assemble"
    ENGRAVE = "engrave"
    EMBROIDER = "embroider"
    PRINT = "print"
    OVERSIZE = "oversize"
    COLD = "cold"
    HAZMAT = "hazmat"
