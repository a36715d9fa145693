"""`entrevistador up`: the whole house on this machine, until Ctrl-C."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final

from cli import arguments, environment, local, meeting, opening, sample
from cli.visit import Visit
from cli.words import DEFAULT, Words
from client.errors import Refused
from client.rest import Api
from runtime import clock, logs
from runtime.lifecycle import stop_event
from storage import embedded

READ_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.5
SAMPLE_FILE: Final = "cv-de-muestra.pdf"


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "up",
        help="run the whole house on this machine",
        description=(
            "Starts PostgreSQL and Valkey (unless DATABASE_URL and REDIS_URL name real ones), a "
            "server for pages and REST, an interview server, two pipeline processes and the relay; "
            "restarts what dies; prints the links. Ctrl-C ends all of it."
        ),
        epilog=(
            "Exit code: 0 when it was ended, or ran already and told its links; 1 when something "
            "did not start; 2 for an option or a setting that can't be used."
        ),
    )
    parser.add_argument(
        "--port",
        type=arguments.port,
        default=8000,
        metavar="PORT",
        help="pages and REST doors; a free one where it is taken (8000)",
    )
    parser.add_argument(
        "--live-port",
        type=arguments.port,
        default=8001,
        metavar="PORT",
        help="the live socket; a free one where it is taken (8001)",
    )
    parser.add_argument(
        "--instances",
        type=arguments.count,
        default=1,
        metavar="N",
        help="how many interview servers (1)",
    )
    meeting.add_state(parser)
    parser.add_argument("--json", action="store_true", help="print the links as one JSON line")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM; 1 when the services can't be started."""
    logs.set_up("warning")
    args.state_dir = environment.state_dir(args.state_dir)
    try:
        with meeting.alone(args.state_dir, meeting.UP_LOCK) as first:
            if first:
                asyncio.run(_up(args))
                return 0
    except embedded.EmbeddedError as error:
        print(f"entrevistador up: {error}", file=sys.stderr)
        return 1
    found = asyncio.run(meeting.running(args.state_dir))
    if found is None:
        busy = f"a demo, or another `up` that starts or ends, works in the folder {args.state_dir}"
        print(f"entrevistador up: {busy}: wait for it, or use another --state", file=sys.stderr)
        return 1
    print(f"it runs already, at {found[0]}", file=sys.stderr)
    links = {
        who: f"{found[0]}/{who}/#token={meeting.token(args.state_dir, found[1], who)}"
        for who in ("recruiter", "operator")
    }
    print(json.dumps(links) if args.json else "\n".join(f"  {k:11} {v}" for k, v in links.items()))
    return 0


async def _up(args: argparse.Namespace) -> None:
    stop = stop_event()
    async with local.stack(
        state_dir=args.state_dir,
        say=lambda text: print(text, file=sys.stderr, flush=True),
        port=args.port,
        live_port=args.live_port,
        instances=args.instances,
    ) as stack:
        invitation = await _sample_invitation(stack, args.state_dir)
        links = {
            "recruiter": stack.link("recruiter", stack.recruiter_token),
            "operator": stack.link("operator", stack.operator_token),
            "candidate": invitation,
            "public": f"{stack.base_url}/api/v1/companies/{stack.slug}/openings",
            "api": f"{stack.base_url}/schema/openapi.json",
        }
        note = meeting.leave_note(args.state_dir, stack)
        print(json.dumps(links) if args.json else _shown(links, stack), flush=True)
        await stop.wait()
        note.unlink(missing_ok=True)
        print("ending …", file=sys.stderr, flush=True)


async def _sample_invitation(stack: local.Stack, state_dir: Path) -> str:
    """Return a fresh link for the sample candidate; opening, CV and interview are made once."""
    async with Api(stack.base_url, stack.recruiter_token) as api:
        try:
            await Visit(state_dir, api).close()
            wanted = opening.parse(sample.sample_opening(), "the sample", Words(DEFAULT))
            openings = (await api.get("/openings?status=open&limit=200"))["items"]
            same = [one for one in openings if one["title"] == wanted["title"]]
            chosen = same[-1] if same else await api.post("/openings", wanted)
            invited = f"/interviews?status=invited&opening_id={chosen['id']}&limit=1"
            waiting = (await api.get(invited))["items"]
            if waiting:
                made = await api.post(f"/interviews/{waiting[0]['id']}/link")
            else:
                known = (await api.get("/cvs?limit=200"))["items"]
                mine = [cv for cv in known if cv["filename"] == SAMPLE_FILE]
                cv = mine[-1] if mine else await _sample_cv(api, chosen["id"])
                whom = (
                    {"cv_id": cv["id"]}
                    if cv["status"] == "ready"
                    else {"candidate_id": cv["candidate_id"]}
                )
                made = await api.post("/interviews", {"opening_id": chosen["id"], **whom})
        except Refused as refused:
            return f"(no sample invitation: {refused})"
    return str(made["link"])


async def _sample_cv(api: Api, opening_id: str) -> dict[str, Any]:
    """Upload the sample CV and wait until it has been read."""
    data = sample.sample_cv()
    asked = await api.post(
        "/cvs",
        {
            "filename": SAMPLE_FILE,
            "bytes": len(data),
            "opening_id": opening_id,
            "lane": "premium",
        },
    )
    await api.upload(asked["upload"]["url"], data, asked["upload"].get("headers"))
    cv: dict[str, Any] = await api.post(f"/cvs/{asked['cv_id']}/confirm")
    deadline = clock.monotonic() + READ_SECONDS
    while cv["status"] not in ("ready", "refused", "needs_ocr"):
        if clock.monotonic() > deadline:
            break
        await asyncio.sleep(POLL_SECONDS)
        cv = await api.get(f"/cvs/{asked['cv_id']}")
    return cv


def _shown(links: dict[str, str], stack: local.Stack) -> str:
    engine = "Claude" if stack.settings.asks_with_model else "the written bank (no AI)"
    return "\n".join(
        [
            "",
            f"  candidate   {links['candidate']}",
            f"  recruiter   {links['recruiter']}",
            f"  operator    {links['operator']}",
            f"  openings    {links['public']}",
            f"  API         {links['api']}",
            "",
            f"  Questions come from {engine}. State and logs: {stack.settings.state_dir}/",
            "  The recruiter's and operator's links are signed with a DEVELOPMENT KEY: for this",
            "  machine only, never for real people's data.",
            "  Ctrl-C ends everything.",
            "",
        ]
    )
