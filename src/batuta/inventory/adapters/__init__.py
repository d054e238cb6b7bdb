"""Outside parts of the inventory, a module for each."""
