"""The small worlds: the audit speaks of their whole database, so no other test leaves anything in it."""

import asyncio
import os

import pytest
from sqlalchemy.engine import make_url

from tests.conftest import create_database


@pytest.fixture(scope="session")
def database_url(server_url: str, worker_id: str) -> str:
    name = f"simulation_{worker_id}_{os.getpid()}"
    asyncio.run(create_database(server_url, name))
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)
