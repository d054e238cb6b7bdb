"""Who works here, who asks, and what they may do.

Words: staff (one person who works for the merchant), role (what they may do), scope (for which channels and
locations), limit (up to which amount); session (a person on one browser), API key (a program), allowance (how often
somebody may try or ask).
Laws: an e-mail names one member of staff; who has left is kept, not deleted, because facts name them. Passwords are
kept as argon2id, tokens and keys as hashes; only the made-up ones of the demo company are kept to be shown, until
they are changed. Nobody gives away more than they have. Somebody is left who can let others in.
"""
