"""What is sold: products, the SKUs in which they are sold, and what bundles are made of.

Words: product (what a shopper looks at), SKU (what is ordered, one size and colour of it), good (a thing with
stock), bundle (several goods sold as one), service (work, neither stocked nor shipped), component.
Laws: a bundle has no stock of its own and holds no bundles; a SKU never changes its kind; a code names one
thing for ever.
"""
