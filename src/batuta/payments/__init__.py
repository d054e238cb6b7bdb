"""What an order owes, and how that money is promised, taken and given back.

Words: due (what the customer owes), payment (one way of paying, with one authorisation), entry (a fact about money),
held (authorised, neither captured nor released), instruction (one call to a provider), request (what the business
asked for, which instructions carry out), report (what the provider says happened), book (all of that for one order).
Laws: an entry has two sides and never changes; every sum is derived from entries (PAY-01). Of each payment no more is
captured than authorised and no more refunded than captured. owed + held + paid = due, after any sequence of reports,
in any order, told any number of times. A card number never enters; tokens do (PAY-10).
"""
