"""Where goods are and work is done: warehouses, stores, third parties, suppliers; and when they are open.

Words: location, hours (weekly, local wall time), special day (a closure, or other hours on one date), holiday
calendar (`ES-MD`), cut-off (until when an order leaves the same day), ability (what a location can do), postal
place (where a postal code is).
Laws: hours are wall time of the location's zone, on the two days a year when clocks change too; a location without
hours is closed, not open.
"""
