"""The conformance cases of the waiting room and of moving, against a house with few places."""

import msgspec
import pytest

from loadtest import conformance, conformance_places
from loadtest.bench import seed
from runtime.settings import Settings
from server.auth import development_token
from tests.server.live_house import live_house

CASES = [case.__name__ for case in conformance_places.CASES]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Three places for new candidates."""
    return msgspec.structs.replace(
        settings,
        scale_in_sessions=0,
        target_sessions=1,
        scale_out_sessions=2,
        admit_sessions=3,
        hard_cap_sessions=4,
    )


async def test_the_server_conforms_where_places_are_short(served: Settings):
    """Who waits, keeps the place and goes in; then a session is handed over to a second one."""
    seats = await seed.seed(served, 7, minutes=90)
    first, *others = seed.invitations(served, seats)
    token = development_token(
        served.state_dir, seats[0].tenant_id, str(seats[0].tenant_id), "Operador", ["operator"]
    )
    alone = await conformance.run(first, only=CASES[-1], operator_token=token)
    assert alone[0].detail == "needs a second instance that admits"
    for name in CASES[:-1]:
        (outcome,) = await conformance.run(first, only=name, others=others)
        assert outcome.result == "pass", outcome
    async with live_house(served, "two", admit_sessions=8, hard_cap_sessions=9):
        (outcome,) = await conformance.run(first, only=CASES[-1], operator_token=token)
        assert outcome.result == "pass", outcome
