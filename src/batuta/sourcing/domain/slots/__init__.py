"""Slots: windows of delivery and collection, and the templates they are made from."""
