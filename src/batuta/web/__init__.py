"""What staff see in a browser: signing in, finding an order, understanding it, and acting on it.

Words: page (HTML drawn here, whole, and working without a script), view (the struct a page is drawn from, every word
and amount in it ready to be read), words (one catalogue a language), pill (a status as a word and a colour), told
(what the log knows of an order, as sentences).

Laws: a page shows and offers only what its reader may see and do; nothing on a page is changed by reading it; both
languages have the same words.
"""
