"""Whether a reaction has heard all there is: other tests' open transactions may hide facts for a moment."""

from sqlalchemy import text

from batuta.plumbing.database import Engine
from batuta.plumbing.events import BEHIND, Reaction


async def is_behind(engine: Engine, reaction: Reaction) -> bool:
    """Whether facts that it hears lie behind its position, readable or not yet."""
    asked = "SELECT " + BEHIND.format(name=":name", types=":types", listeners=reaction.listeners)
    async with engine.connect() as db:
        return bool(await db.scalar(text(asked), {"name": reaction.name, "types": list(reaction.kinds())}))
