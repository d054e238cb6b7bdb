"""Who sells: legal entities, their brands, and the channels through which orders come.

Words: legal entity (owes the tax, owns the stock), brand, channel (one way to buy, with one currency, one
country, one tax mode), policies (what a channel promises and allows).
Law: a code names one thing for ever; saving it again brings that thing up to date and never makes a second.
"""
