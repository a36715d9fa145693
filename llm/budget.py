"""The money of a call: reserved before it, settled after it, by whichever store is there.

Redis decides for all processes at once. Without it PostgreSQL keeps the accounts and each process
takes its own share of the provider's limits; without both nothing is paid, and the bank asks.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import date
from typing import Final
from uuid import UUID

import msgspec

from llm.alerts import Alert, AlertDesk
from llm.policies import Policies
from protocol import ids, limits
from protocol.faults import Fault
from runtime import clock, metrics
from runtime.lifecycle import Tasks
from runtime.logs import Log
from storage import buckets
from storage.buckets import (
    Answer,
    Buckets,
    Crossed,
    Go,
    LocalBucket,
    Need,
    Spent,
    Unknown,
    Used,
    Wait,
)
from storage.budgets import Bounds, Budgets
from storage.ledger import Ledger, LedgerEntry

log = Log("llm.budget")
SPENT_SECONDS: Final = 2.0  # what an account said is believed this long, without asking again
SETTLE_SECONDS: Final = 0.05
REBUILDS_MAX: Final = 4
REAP_SECONDS: Final = 60.0
KNOWN_MAX: Final = 10_000
BOUNDS: Final = Bounds(question=2_500, evaluation=250_000)  # until a dearer one was seen
REDIS, POSTGRES, NOBODY = 0, 1, 2


class Money:
    """Where calls of this process reserve and settle."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        shared: Buckets | None = None,
        budgets: Budgets | None = None,
        processes: int = 1,
        desk: AlertDesk | None = None,
    ) -> None:
        """Reserve in `shared` (Redis), else in `budgets` (PostgreSQL); with neither, book only.

        Thresholds that are crossed are told at the `desk`.
        """
        self._ledger = ledger
        self._shared = shared
        self._budgets = budgets
        self._processes = processes
        self._desk = desk
        self._on_alert: Callable[[Alert], None] | None = desk.tell if desk else None
        self._tasks = Tasks("money")
        self._policies = None if budgets is None else Policies(budgets, self._tasks)
        self._away_until = 0.0
        self._local: dict[str, LocalBucket] = {}
        self._elsewhere: set[str] = set()  # attempts reserved without Redis
        self._behind: dict[UUID, set[UUID | None]] = {}  # what Redis has not been told
        self._spent: dict[tuple[UUID, UUID | None], tuple[float, Spent]] = {}
        self._rebuilding: dict[tuple[UUID, UUID | None], asyncio.Task[None]] = {}
        self._bounds = BOUNDS
        self._due: list[tuple[Need, Used, LedgerEntry | None]] = []
        self._ends: set[asyncio.Task[None]] = set()
        self._reaping = False
        self._catching_up = asyncio.Lock()

    # Before the call -------------------------------------------------------------------------

    def peek(self, need: Need) -> None:
        """Refuse at once what was refused a moment ago: nobody waits in line to hear it again."""
        for key in ((need.tenant_id, None), (need.tenant_id, need.session_id)):
            known = self._spent.get(key)
            if known is None:
                continue
            if known[0] < clock.monotonic():
                del self._spent[key]
            elif known[1].used + need.bound > known[1].limit:
                raise self._no_money(need, msgspec.structs.replace(known[1], first=False))

    async def reserve(self, need: Need) -> Go | Wait:
        """Reserve tokens and money at once; Fault `model_budget` at a limit.

        Raises `model_unavailable` when no store can say that there is money, and `fence_lost`.
        """
        answer = await self._decide(need)
        if isinstance(answer, Spent):
            raise self._no_money(need, answer)
        if isinstance(answer, Unknown):
            raise Fault("model_unavailable", "the accounts are lost again and again")
        return answer

    async def _ask(self, shared: Buckets, need: Need) -> Answer:
        """Ask Redis, making the accounts that it has lost; another process may lose them again."""
        answer: Answer = Unknown()
        for _ in range(REBUILDS_MAX):
            async with asyncio.timeout(limits.RESERVE_SECONDS):
                await self._catch_up(shared)
                answer = await shared.reserve(need)
            if not isinstance(answer, Unknown):
                break
            await self._rebuild(shared, need)
        return answer

    async def _decide(self, need: Need) -> Answer:
        if self._shared is None and self._budgets is None:
            return Go()
        self._note_bound(need)
        if self._shared is not None and clock.monotonic() >= self._away_until:
            try:
                answer = await self._ask(self._shared, need)
            except (Fault, TimeoutError) as error:
                if isinstance(error, Fault) and error.code != "unavailable":
                    raise
                self._redis_away(self._shared, need)
            else:
                metrics.model_stores.set(REDIS)
                self._reap_soon(self._shared)
                if self._policies is not None:
                    self._policies.look_soon(self._shared, need.tenant_id)
                return answer
        return await self._without_redis(need)

    async def _without_redis(self, need: Need) -> Answer:
        local = self._local.get(need.tier)
        if local is None:
            local = self._local[need.tier] = LocalBucket(need.per_minute, self._processes)
        answer = local.reserve(need.tokens, need.urgency)
        if isinstance(answer, Wait) or self._budgets is None:
            return answer
        try:
            spent = await self._budgets.reserve(need, self._bounds)
        except BaseException as error:
            local.give_back(need.tokens, (0, 0, 0))
            if isinstance(error, Fault) and error.code == "unavailable":
                metrics.model_stores.set(NOBODY)
                raise Fault("model_unavailable", "no store says what may be spent") from error
            raise
        metrics.model_stores.set(POSTGRES)
        if spent is not None:
            local.give_back(need.tokens, (0, 0, 0))
            return spent
        self._elsewhere.add(need.attempt)
        self._behind.setdefault(need.tenant_id, set()).add(need.session_id)
        return answer

    async def _rebuild(self, shared: Buckets, need: Need) -> None:
        """Make the accounts from the ledger, once however many calls miss them."""
        key = (need.tenant_id, need.session_id)
        task = self._rebuilding.get(key)
        if task is None:
            task = self._tasks.start(self._make(shared, need))
            self._rebuilding[key] = task
            task.add_done_callback(lambda _: self._rebuilding.pop(key, None))
        await asyncio.wait({task})
        fault = None if task.cancelled() else task.result()
        if fault is not None:
            raise fault

    async def _make(self, shared: Buckets, need: Need) -> Fault | None:
        """Return why they could not be made: a store that is away is no crash of this task."""
        if self._budgets is None:
            return Fault("model_unavailable", "no ledger says what was spent")
        try:
            known = await self._budgets.known(need, self._bounds)
        except Fault:  # never read as zero
            return Fault("model_unavailable", "the ledger is away")
        try:
            await shared.rebuild(need.tenant_id, need.session_id, known)
        except Fault as fault:
            return fault
        log.info("accounts_rebuilt", tenant_id=need.tenant_id, count=len(known.owed))
        return None

    def _redis_away(self, shared: Buckets, need: Need) -> None:
        if clock.monotonic() >= self._away_until:
            log.warning("money_without_redis", tenant_id=need.tenant_id)
        self._away_until = clock.monotonic() + limits.AWAY_AGAIN_SECONDS
        # It may have been reserved there all the same: the account is made from the ledger.
        self._behind.setdefault(need.tenant_id, set()).add(need.session_id)
        self._tasks.start(self._let_go(shared, need))

    async def _let_go(self, shared: Buckets, need: Need) -> None:
        """Take back what may have been reserved after we stopped listening."""
        nothing = Used(tokens=(0, 0, 0), micro_usd=0)
        with contextlib.suppress(Fault):
            await shared.settle(need.attempt, need.tier, need.tenant_id, need.session_id, nothing)

    async def _catch_up(self, shared: Buckets) -> None:
        """Redis is back: what was paid meanwhile is in the ledger, and the accounts are not."""
        if not self._behind:
            return
        async with self._catching_up:  # once: what is made again must not be dropped again
            behind, self._behind = self._behind, {}
            try:
                await self._drop(shared, behind)
            finally:
                for tenant, sessions in behind.items():  # what is left, should Redis be away again
                    self._behind.setdefault(tenant, set()).update(sessions)

    async def _drop(self, shared: Buckets, behind: dict[UUID, set[UUID | None]]) -> None:
        while behind:
            tenant, sessions = next(iter(behind.items()))
            names = {key for session in sessions for key in buckets.accounts(tenant, session)}
            await shared.forget(sorted(names))
            del behind[tenant]
            if self._budgets is not None:
                self._tasks.start(self._forget(self._budgets, tenant))

    async def _forget(self, budgets: Budgets, tenant: UUID) -> None:
        try:
            await budgets.forget(tenant)
        except Fault:
            log.warning("accounts_kept", tenant_id=tenant)  # stale in a minute anyway

    # After it --------------------------------------------------------------------------------

    def settle_soon(self, need: Need, used: Used, entry: LedgerEntry | None) -> None:
        """Book a call's end; nobody waits for it."""
        if entry is not None and need.attempt not in self._elsewhere:
            self._ledger.book(entry)
            entry = None
        if self._shared is None and need.attempt not in self._elsewhere:
            return
        # Those of a moment leave together: one write to Redis costs as much as their scripts.
        self._due.append((need, used, entry))
        if len(self._due) == 1:
            asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._settle_due)

    def _settle_due(self) -> None:
        due, self._due = self._due, []
        if due:
            end = self._tasks.start(self._settle_all(due))
            self._ends.add(end)
            end.add_done_callback(self._ends.discard)

    async def _settle_all(self, due: list[tuple[Need, Used, LedgerEntry | None]]) -> None:
        await asyncio.gather(*(self._settle(*one) for one in due))

    async def settle(self, need: Need, used: Used, entry: LedgerEntry | None) -> None:
        """Book a call's end and wait until the ledger has it, a moment at most."""
        if entry is not None and need.attempt not in self._elsewhere:
            try:
                async with asyncio.timeout(limits.LEDGER_SECONDS):
                    await self._ledger.record(entry)
            except (Fault, TimeoutError):
                self._ledger.book(entry)
            entry = None
        if self._shared is not None or need.attempt in self._elsewhere:
            await self._settle(need, used, entry)

    async def _settle(self, need: Need, used: Used, entry: LedgerEntry | None) -> None:
        if need.attempt in self._elsewhere:
            self._elsewhere.discard(need.attempt)
            if need.tier in self._local:
                self._local[need.tier].give_back(need.tokens, used.tokens)
            if self._budgets is not None:
                try:
                    crossed = await self._budgets.settle(need, entry)
                except Fault:
                    if entry is not None:
                        self._ledger.book(entry)
                    return
                for one in crossed:
                    self._alert(need, one)
            return
        assert self._shared is not None
        try:
            crossed = await self._shared.settle(
                need.attempt, need.tier, need.tenant_id, need.session_id, used
            )
        except Fault:
            self._behind.setdefault(need.tenant_id, set()).add(need.session_id)
            return
        for one in crossed:
            self._alert(need, one)

    async def correct(self, need: Need, day: date, micro_usd: int) -> None:
        """Change the accounts of `day` by so much, long after a reservation was settled.

        The ledger says so already. What Redis was not told of is made from the ledger again.
        """
        if self._shared is None or not micro_usd:
            return
        used = Used(tokens=(0, 0, 0), micro_usd=micro_usd)
        name = f"{need.attempt}:corrected"
        try:
            crossed = await self._shared.settle(
                name, need.tier, need.tenant_id, need.session_id, used, day
            )
        except Fault:
            self._behind.setdefault(need.tenant_id, set()).add(need.session_id)
            return
        for one in crossed:
            self._alert(need, one)

    def release(self, need: Need) -> None:
        """Give a reservation back whose call was never begun."""
        self.settle_soon(need, Used(tokens=(0, 0, 0), micro_usd=0), None)

    # Thresholds ------------------------------------------------------------------------------

    def _no_money(self, need: Need, spent: Spent) -> Fault:
        key = (need.tenant_id, need.session_id if spent.account == "session" else None)
        if len(self._spent) >= KNOWN_MAX:
            self._spent.clear()
        self._spent[key] = (clock.monotonic() + SPENT_SECONDS, spent)
        metrics.model_refusals.labels("budget", need.urgency).inc()
        if spent.first:
            self._alert(need, Crossed(spent.account, 100, spent.used, spent.limit))
        return Fault("model_budget", f"the limit of the {spent.account} is reached")

    def _alert(self, need: Need, crossed: Crossed) -> None:
        metrics.model_alerts.labels(crossed.account, str(crossed.percent)).inc()
        log.warning(
            "budget_threshold",
            tenant_id=need.tenant_id,
            account=crossed.account,
            percent=crossed.percent,
            micro_usd=crossed.used,
        )
        if self._on_alert is not None:
            session = need.session_id if crossed.account == "session" else None
            day = ids.created_at(need.line.id).date()  # when it was reserved
            self._on_alert(
                Alert(
                    need.tenant_id, session, crossed.account,
                    crossed.percent, crossed.used, crossed.limit, day,
                )
            )  # fmt: skip

    def _note_bound(self, need: Need) -> None:
        """Remember the dearest call of each task: an open attempt is counted as that."""
        if need.line.task == "question":
            most = max(self._bounds.question, need.bound)
            self._bounds = Bounds(most, self._bounds.evaluation)
        elif need.line.task == "evaluation":
            self._bounds = Bounds(self._bounds.question, max(self._bounds.evaluation, need.bound))

    # Processes that died ---------------------------------------------------------------------

    def _reap_soon(self, shared: Buckets) -> None:
        if not self._reaping:
            self._reaping = True
            self._tasks.start(self._reap(shared))

    async def _reap(self, shared: Buckets) -> None:
        while True:
            await asyncio.sleep(REAP_SECONDS)
            try:
                await self.reap(shared)
            except Fault:
                log.warning("reaping_later")

    async def reap(self, shared: Buckets) -> None:
        """Book what dead processes reserved, at its bound; their calls may have been paid."""
        for lost in await shared.lost():
            if lost.adopted:  # never seen to be sent: by now the ledger knows better
                await shared.forget(list(lost.accounts))
            else:
                self._ledger.book(lost.line)
                log.warning("call_lost", tenant_id=lost.line.tenant_id, turn=lost.line.turn)

    async def close(self) -> None:
        """Settle what is on its way, then close the ledger."""
        self._settle_due()
        if self._ends:
            await asyncio.wait(set(self._ends), timeout=limits.LEDGER_SECONDS)
        await self._tasks.close()
        if self._desk is not None:
            await self._desk.close()
        await self._ledger.close()
