"""The way out: HTTP to strangers."""
