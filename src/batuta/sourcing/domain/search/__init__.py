"""The search for the cheapest plan of one order: numbers, no rooms, no clock."""
