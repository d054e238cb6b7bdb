"""The event log: outbox, audit trail and every timeline at once.

Words: fact (an `Event` told by a room), stream (what it is about), position (how far a reaction has read),
reaction (a named table of what to do on which fact), parked (a stream whose next fact failed alone five times).

Laws: a fact is written in the transaction that made it true and never changes; facts are read in the order of
their transactions (epoch, xid, id), and only once every older transaction has ended, so a late commit is never
skipped; a reaction's position moves in the transaction of its effects, so its effects happen exactly once.
"""

from batuta.plumbing.events.log import Fact, facts_after, facts_of, publish
from batuta.plumbing.events.reactions import BEHIND, Handler, Pass, Reaction, react

__all__ = ["BEHIND", "Fact", "Handler", "Pass", "Reaction", "facts_after", "facts_of", "publish", "react"]
