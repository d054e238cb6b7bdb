"""What things cost: dated price lists, tax, shipping charges, and the rounding of all of them.

Words: price list (of a channel and a currency), listed price, tax rate, tax group (amounts of one rate in one
jurisdiction), shipping charge, rounding rule, quote.
Laws: where prices include tax the gross amount is given and the net follows, else the other way round, and
never back (TAX-03). The parts of a quote add up to its totals to the last minor unit (TAX-02). A quote is kept
with the order as it was made; a refund takes shares of it and never prices again (TAX-01).
"""
