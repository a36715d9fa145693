"""`entrevistador fleet check`: the provider's models, and how well prompts are estimated."""

import argparse
import asyncio
import json
from typing import Any, Final
from uuid import UUID

import msgspec

from cli import environment
from cli.sample import sample_opening
from interview.interviewer import Said, choose
from interview.plan import OpeningBrief, Plan, build
from llm import engines, wording, work
from llm.call import BYTES_PER_TOKEN
from llm.claude import ClaudeEngine
from llm.reply import ModelFault
from llm.request import EvaluationRequest, QuestionRequest
from llm.tiers import Task, Tiers, load
from runtime.settings import Settings, WrongSetting

NOBODY: Final = UUID(int=0)
SEED: Final = 11
ANSWER: Final = (
    "En mi último trabajo me encargué de migrar el cierre contable a SAP y comparé dos opciones "
    "antes de decidir. Coordiné con el equipo de sistemas y redujimos el cierre de ocho a cinco "
    "días. Aprendí a pedir ayuda antes."
)


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    one = subparsers.add_parser(
        "check",
        help="the provider's models, and how well prompts are estimated",
        description=(
            "Asks the provider for its list of models and for the tokens of one prompt of each "
            "task, which costs nothing, and compares: is every tier's model listed, which tier "
            "stands in, and how far is a token from the four bytes that reservations go by."
        ),
        epilog="Exit code: 0 when all is well, 1 when the provider cannot be asked or a model is "
        "not listed, 2 without a key.",
    )
    one.add_argument("--json", action="store_true", help="print what was found as JSON")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, print and judge."""
    settings = environment.given()
    if not settings.anthropic_api_key:
        raise WrongSetting("fleet check needs ANTHROPIC_API_KEY")
    try:
        found = asyncio.run(ask(settings))
    except ModelFault as fault:
        told = {"reason": fault.reason, "status": fault.status}
        print(json.dumps(told) if args.json else f"the provider: {fault.reason} ({fault.detail})")
        return 1
    print(json.dumps(found, indent=2) if args.json else _table(found))
    return 0 if all(model["listed"] for model in found["models"]) else 1


async def ask(settings: Settings) -> dict[str, Any]:
    """Return what the provider says of models and prompts; raises ModelFault."""
    tiers = load()
    engine = ClaudeEngine(engines.open_wire(settings), tiers)
    try:
        missing = await engine.missing_models()
        stand_ins = tiers.stand_ins(missing)
        prompts = [
            await _prompt(engine, tiers, task, stand_ins.get(tiers.tasks[task].tier, ""))
            for task in ("question", "plan", "extraction", "evaluation")
        ]
    finally:
        await engine.close()
    models = [
        {
            "tier": name,
            "model": tier.model,
            "listed": tier.model not in missing,
            "stands_in": stand_ins.get(name, ""),
        }
        for name, tier in tiers.tiers.items()
    ]
    return {"settings_as_of": tiers.as_of, "models": models, "prompts": prompts}


async def _prompt(engine: ClaudeEngine, tiers: Tiers, task: Task, instead: str) -> dict[str, Any]:
    call = _call(tiers, task, instead)
    size = wording.prompt_bytes(call)
    counted = await engine.count(call)
    return {
        "task": task,
        "model": call["model"],
        "bytes": size,  # the bound that money is reserved by: no token is shorter than a byte
        "estimated_tokens": size // BYTES_PER_TOKEN,
        "counted_tokens": counted,
        "bytes_per_token": round(size / max(1, counted), 2),
    }


def _call(tiers: Tiers, task: Task, instead: str) -> dict[str, Any]:
    """Return a prompt of each task as an interview for the sample's opening has it."""
    tier, settings = tiers.for_task(task, instead)
    opening = sample_brief()
    plan = build(opening, None, company="Ejemplo", candidate_name="", minutes=20, locale="es-PE")
    if task == "plan":
        return work.job(work.weigh(NOBODY, opening, plan), tier, settings)
    if task == "extraction":
        request = work.point_at(
            NOBODY, title=opening.title, description=opening.description,
            known=opening.must_have, language="es",
        )  # fmt: skip
        return work.job(request, tier, settings)
    said = _said(plan)
    if task == "evaluation":
        return wording.evaluation(
            EvaluationRequest(
                tenant_id=NOBODY, session_id=NOBODY, interview_id=NOBODY, plan=plan, said=said,
                locale="es-PE", seed=SEED,
            ),
            tier, settings,
        )  # fmt: skip
    directive = choose(plan, said[:3], seed=SEED, seconds_left=plan.seconds)
    assert directive is not None
    return wording.question(
        QuestionRequest(
            tenant_id=NOBODY, session_id=NOBODY, interview_id=NOBODY, turn=directive.turn, ask=1,
            plan=plan, said=said[:3], directive=directive, locale="es-PE", seed=SEED,
        ),
        tier, settings,
    )  # fmt: skip


def _said(plan: Plan) -> list[Said]:
    said: list[Said] = []
    while (ask := choose(plan, said, seed=SEED, seconds_left=plan.seconds)) is not None:
        said.append(
            Said(
                ask.turn, ask.competency, ask.level, ask.kind, "¿Cómo fue?", ANSWER, ask.skill,
                ask.asks,
            )
        )  # fmt: skip
    return said


def sample_brief() -> OpeningBrief:
    """Return the sample's opening as plans see it."""
    return msgspec.json.decode(sample_opening(), type=OpeningBrief)


def _table(found: dict[str, Any]) -> str:
    lines = [f"models of the settings file of {found['settings_as_of']}"]
    for one in found["models"]:
        told = "listed" if one["listed"] else "NOT LISTED"
        instead = f", {one['stands_in']} stands in" if one["stands_in"] else ""
        lines.append(f"  {one['tier']:10}{one['model']:24}{told}{instead}")
    lines += ["", f"{'prompt':14}{'bytes':>8}{'estimated':>11}{'counted':>9}{'bytes a token':>15}"]
    for one in found["prompts"]:
        lines.append(
            f"{one['task']:14}{one['bytes']:8}{one['estimated_tokens']:11}"
            f"{one['counted_tokens']:9}{one['bytes_per_token']:15.2f}"
        )
    return "\n".join(lines)
