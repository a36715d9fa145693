"""An opening's job: read and embed what it says now, then match every CV of the company.

The vector is committed before the CVs are listed, and a CV's own match stage takes only openings
whose vector is of their present version: so every pair is matched by at least one side, with
both vectors there.
"""

from uuid import UUID

import msgspec

from pipeline.described import found
from pipeline.matching import MATCHER_VERSION, match, opening_words
from pipeline.progress import opening_matched
from pipeline.toolbox import Toolbox, aside
from protocol import jobs, limits
from protocol.faults import Fault
from storage import matches, openings, profiles, runs, vectors
from storage.transaction import Connection

BATCH = 100


class OpeningTask:
    """One opening, as it is when the job begins."""

    def __init__(self, tools: Toolbox, envelope: jobs.Envelope) -> None:
        """Take the opening from the envelope's job."""
        assert isinstance(envelope.job, jobs.OpeningVector)
        self._tools = tools
        self._tenant = envelope.job.tenant_id
        self._opening: openings.Opening | None = None
        self.subject_id: UUID = envelope.job.opening_id
        self.seconds = limits.OPENING_SECONDS
        self.attempts_max = 1 + limits.JOB_RETRIES

    async def wanted(self, c: Connection) -> str | None:
        """Any open opening of the tenant; what is matched already is left alone below."""
        try:
            self._opening = await openings.get(c, self.subject_id)
        except Fault:
            return None
        return f"opening.{self._opening.version}" if self._opening.status == "open" else None

    def may_pass(self, fault: Fault) -> bool:
        """Say whether to try again: as the fault's kind has it."""
        return fault.kind.retry

    async def do(self, run: runs.Run) -> None:
        """Embed, commit, and match in batches that are each one transaction."""
        opening = self._opening
        assert opening is not None
        model, opening = await self._vector(opening)
        after: UUID | None = None
        count = 0
        while True:
            async with self._tools.db.tenant(self._tenant) as c:
                found = await profiles.to_match(c, model, after=after, limit=BATCH)
                have = await matches.versions(c, opening.id, [one.cv_id for one in found])
                todo = [
                    one
                    for one in found
                    if have.get(one.cv_id) != (opening.version, one.version, MATCHER_VERSION)
                ]
                near = await vectors.similarities(
                    c, model, cv_ids=[one.cv_id for one in todo], opening_ids=[opening.id]
                )
            count += await self._batch(opening, todo, near)
            if len(found) < BATCH:
                break
            after = found[-1].cv_id
        async with self._tools.db.tenant(self._tenant) as c:
            await runs.end(c, run)
        await opening_matched(self._tools, self._tenant, opening.id, count)

    async def give_up(self, c: Connection, run: runs.Run, fault: Fault) -> None:
        """Leave the run's row: this version of the opening is not tried again by a message."""
        await runs.release(c, run, fault=fault.code)

    async def given_up(self) -> None:
        """Say nothing: the opening itself is as it was."""

    async def _vector(self, opening: openings.Opening) -> tuple[str, openings.Opening]:
        """Return the model, and the opening with what its sentences ask for."""
        model: str = await aside(lambda: self._tools.embedder().model)
        async with self._tools.db.tenant(self._tenant) as c:
            made_from = await vectors.current(c, "opening", opening.id, model=model)
        if made_from == opening.version:
            return model, opening
        opening = await self._described(opening)
        words = opening_words(opening)
        vector = await aside(lambda: list(self._tools.embedder().embed([words])[0]))
        async with self._tools.db.tenant(self._tenant) as c:
            await vectors.save(
                c, self._tenant, "opening", opening.id, model=model, version=opening.version,
                vector=vector, category=opening.category,
            )  # fmt: skip
        return model, opening

    async def _described(self, opening: openings.Opening) -> openings.Opening:
        """Complete what the opening asks for, before anything of this version is matched."""
        described = await found(self._tools, self._tenant, opening)
        if described is None or described == opening.described:
            return opening
        async with self._tools.db.tenant(self._tenant) as c:
            await openings.describe(c, opening.id, opening.version, described)
        return msgspec.structs.replace(opening, described=described)

    async def _batch(
        self,
        opening: openings.Opening,
        todo: list[profiles.ToMatch],
        near: dict[tuple[UUID, UUID], float],
    ) -> int:
        def compare() -> list[matches.Match]:
            return [
                match(
                    opening, cv_id=one.cv_id, profile=one.profile, text=one.text,
                    profile_version=one.version, cosine=near.get((one.cv_id, opening.id)),
                )
                for one in todo
            ]  # fmt: skip

        if todo:
            rows = await aside(compare)
            async with self._tools.db.tenant(self._tenant) as c:
                await matches.save(c, self._tenant, rows)
        return len(todo)
