"""Who buys: people and companies, guests too, their addresses, and what they have consented to.

Words: customer, guest (buys without an account), external id (the shop system's own key), consent (to one
purpose over one medium, given and perhaps withdrawn).
Laws: addresses, phones, e-mails and tax numbers are checked when they come in; a consent is never deleted,
only withdrawn, and at most one per purpose and medium is in force.
"""
