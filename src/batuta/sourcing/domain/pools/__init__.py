"""Orders that are planned together under shared stock and capacity."""
