"""Who works here: staff, their role, and the locations they work at.

Words: staff (one person who works for the merchant), role (what they may do), scope (where).
Laws: an e-mail names one member of staff; who has left is kept, not deleted, because facts name them.
"""
