"""Webhooks: facts of the log, sent as signed messages to addresses that people have named.

Words: endpoint (an address with the facts it wants), delivery (one fact for one endpoint), lane (the deliveries of one
stream to one endpoint, in order), try, breaker (what keeps us from an endpoint that does not answer), secret.

Laws: every fact that an endpoint wants becomes a delivery exactly once, and is sent at least once or tried for at least
24 hours; no delivery overtakes another of its lane; nothing is sent to an address that was not checked; no transaction
is open while anybody is called. What was given up, or told while an endpoint was disabled, can be sent by a replay.
"""
