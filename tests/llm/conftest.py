"""Both engines as a person would run them: the bank, and Claude against the stand-in over HTTP."""

from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import pytest_asyncio

from interview.interviewer import Said, choose
from interview.plan import OpeningBrief, Plan, build
from llm.gateway import EvaluationRequest, Gateway, QuestionRequest, open_gateway
from loadtest.model import Standin
from loadtest.model_serve import serving
from loadtest.model_stream import Options
from runtime.settings import Settings
from storage.ledger import MemoryLedger
from tests.llm.houses import house

__all__ = ["house"]  # a fixture of its own room

ANSWER = (
    "En mi último trabajo me encargué de migrar el cierre contable a SAP y comparé dos opciones. "
    "Redujimos tres días por mes. Aprendí a pedir ayuda antes."
)


class Road(NamedTuple):
    """A gateway, its ledger and, where there is one, the stand-in behind it."""

    gateway: Gateway
    ledger: MemoryLedger
    standin: Standin


@pytest_asyncio.fixture
async def standin() -> AsyncIterator[tuple[Standin, str]]:
    """Serve a stand-in that speaks at once."""
    app = Standin(Options(piece_seconds=0.0, slow_seconds=30.0))
    async with serving(app) as url:
        yield app, url


@pytest_asyncio.fixture
async def claude(standin: tuple[Standin, str]) -> AsyncIterator[Road]:
    """The gateway of an installation with a key."""
    app, url = standin
    settings = Settings(
        anthropic_api_key="sk-test", anthropic_base_url=url, offline_piece_seconds=0.0
    )
    ledger = MemoryLedger()
    gateway = open_gateway(settings, ledger)
    yield Road(gateway, ledger, app)
    await gateway.close()


@pytest_asyncio.fixture
async def offline() -> AsyncIterator[Road]:
    """The gateway of an installation without a key."""
    ledger = MemoryLedger()
    gateway = open_gateway(Settings(offline_piece_seconds=0.0), ledger)
    yield Road(gateway, ledger, Standin())
    await gateway.close()


@pytest.fixture(params=["offline", "claude"])
def road(request: pytest.FixtureRequest) -> Road:
    """Each engine in turn: what holds for one holds for both."""
    found: Road = request.getfixturevalue(request.param)
    return found


def a_plan(locale: str = "es-PE", **changes: Any) -> Plan:
    """A plan with a gap, for a named candidate."""
    opening = OpeningBrief(
        title="Contadora senior", must_have=["Manejo de SAP", "Excel"], seniority="senior"
    )
    given = {"company": "Andina SAC", "candidate_name": "Rosa Quispe", "minutes": 20, **changes}
    return build(opening, None, locale=locale, **given)


def answered(plan: Plan, answers: list[str], seed: int = 11) -> list[Said]:
    """The turns of an interview with these answers."""
    said: list[Said] = []
    for text in answers:
        now = choose(plan, said, seed=seed, seconds_left=plan.seconds)
        assert now is not None
        said.append(
            Said(
                now.turn, now.competency, now.level, now.kind, f"¿Pregunta {now.turn}?", text,
                now.skill, now.asks,
            )
        )  # fmt: skip
    return said


@pytest.fixture
def ask() -> Callable[..., QuestionRequest]:
    """Make the request for the question after these answers."""

    def make(
        answers: list[str] | None = None, *, locale: str = "es-PE", seed: int = 11, **changes: Any
    ) -> QuestionRequest:
        plan = changes.pop("plan", None) or a_plan(locale)
        said = answered(plan, answers or [], seed)
        directive = choose(plan, said, seed=seed, seconds_left=plan.seconds)
        assert directive is not None
        fields = {"tenant_id": UUID(int=1), "session_id": UUID(int=2), "ask": 1, **changes}
        return QuestionRequest(
            interview_id=UUID(int=3),
            turn=directive.turn,
            plan=plan,
            said=said,
            directive=directive,
            locale=locale,
            seed=seed,
            **fields,
        )

    return make


@pytest.fixture
def finished() -> Callable[..., EvaluationRequest]:
    """Make the request to evaluate an interview with these answers."""

    def make(answers: list[str], *, locale: str = "es-PE") -> EvaluationRequest:
        plan = a_plan(locale)
        return EvaluationRequest(
            tenant_id=UUID(int=1),
            session_id=UUID(int=2),
            interview_id=UUID(int=3),
            plan=plan,
            said=answered(plan, answers),
            locale=locale,
            seed=11,
        )

    return make


@pytest.fixture
def answer() -> str:
    """A full answer with sentences to quote."""
    return ANSWER
