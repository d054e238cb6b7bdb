"""Which carrier takes a parcel for how much, what is written on it, and where it is now.

Words: carrier, service (what a carrier sells), zone, rate (price by zone and weight), transit (days by zone),
parcel, label, SSCC (the parcel's own number in the world), tracking number (the carrier's), hand-over, pickup (when
a carrier comes to a location), calendar (which days it works), lane (from a postal code to another by a service;
how long it takes is learned from deliveries), scan (what a carrier reports, as it reports it), tracking status (the
same, in our words).
Parcels know their owner only as an id: this room has never heard of orders.

Laws: a parcel's status is a pure function of what we did and of the *set* of its scans, so late, repeated and
shuffled scans end the same, and no scan moves it backwards. The carrier's own last word is kept beside it.
Delivered is when the carrier says it was. No scan is lost: one for a parcel that nobody knows waits until the
parcel appears. What is learned by an instant rests on what was delivered until then alone, and without any
delivery it is what the rate card says.
"""
