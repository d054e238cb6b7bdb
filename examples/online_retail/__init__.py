"""A year of a British gift wholesaler: 525,461 real order lines, taken over by one command.

    python -m examples.online_retail --from FOLDER [--json]

An invoice is an order that was closed when it was sent; a cancellation is a return that names no order (RET-06);
opening stock is what the year sells, so that at its end every shelf is empty and every unit accounted for.
Interrupted at any moment and started again it goes on where it was; a finished import begins anew.
"""
