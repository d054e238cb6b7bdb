"""What is sold: products, the SKUs in which they are sold, and what bundles are made of.

Words: product (what a shopper looks at), SKU (what is ordered, one size and colour of it), good (a thing with
stock), bundle (several goods sold as one), service (work, neither stocked nor shipped), component, kit (a good that is
built of others and has stock of its own), recipe (how what is made to order is made of its kit parts: abilities,
steps, what its buyer is asked), unit (of measure: an exact fraction of base units), substitute (what may be sent
instead, by rank), tracking (whether units are told apart by lot or serial number).
Laws: a bundle has no stock of its own and holds no bundles; a SKU never changes its kind; a code names one
thing for ever.
"""
