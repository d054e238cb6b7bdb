"""Promises: what may be asked before anybody orders, when it arrives, and how it is signed."""
