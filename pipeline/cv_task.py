"""A CV's job: load, one pure function, then save the stage and hand over the next at once.

validate -> parse (in the sandbox) -> extract -> vectorize -> match. Each stage saves in one
transaction what it learned, the CV's new stage and the outbox row of the next stage, so that a
repeated message finds the stage passed and changes nothing.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec

from pipeline.matching import match, profile_words
from pipeline.progress import cv_moved, cv_ready
from pipeline.stages.extract import extract
from pipeline.stages.parsed import Parsed
from pipeline.stages.validate import Kind, validate
from pipeline.toolbox import Toolbox, aside
from protocol import jobs, limits
from protocol.faults import Fault
from protocol.profile import EXTRACTOR_VERSION
from runtime import clock, metrics
from storage import candidates, cvs, matches, openings, profiles, runs, vectors
from storage.transaction import Connection

Save = Callable[[Connection], Awaitable[None]]


class CvTask:
    """One stage of one CV."""

    def __init__(self, tools: Toolbox, envelope: jobs.Envelope) -> None:
        """Take the stage from the envelope's job."""
        assert isinstance(envelope.job, jobs.CvStage)
        self._tools = tools
        self._envelope = envelope
        self._tenant = envelope.job.tenant_id
        self._stage = envelope.job.stage
        self._work: cvs.Work | None = None
        self._moved: cvs.Cv | None = None
        self.subject_id: UUID = envelope.job.cv_id
        self.seconds = limits.CV_STAGE_SECONDS[self._stage]
        self.attempts_max = 1 + limits.CV_STAGE_RETRIES[self._stage]

    async def wanted(self, c: Connection) -> str | None:
        """Return the run's kind while the stage is the CV's next one."""
        self._work = await cvs.work(c, self.subject_id)
        if self._work is None or not self._work.waits_for(self._stage):
            return None
        return f"cv.{self._stage}"

    def may_pass(self, fault: Fault) -> bool:
        """Say whether to try again; computing time that ran out would only run out again."""
        return fault.kind.retry and (fault.code, fault.detail) != ("cv_timeout", "cpu")

    async def do(self, run: runs.Run) -> None:
        """Pass the stage."""
        assert self._work is not None
        stage: Callable[[cvs.Work, runs.Run], Awaitable[None]] = getattr(self, f"_{self._stage}")
        began, outcome = clock.monotonic(), "failed"
        try:
            await stage(self._work, run)
            outcome = "done"
        finally:
            seconds = clock.monotonic() - began
            metrics.cv_stage_seconds.labels(self._stage, outcome).observe(seconds)

    async def give_up(self, c: Connection, run: runs.Run, fault: Fault) -> None:
        """Refuse the CV with the fault's code; its file stays."""
        self._moved = await cvs.refuse(
            c, self.subject_id, self._stage, code=fault.code, detail=fault.detail
        )
        await runs.end(c, run)

    async def given_up(self) -> None:
        """Tell watchers why."""
        if self._moved is not None:
            await cv_moved(self._tools, self._tenant, self._moved)

    async def _validate(self, work: cvs.Work, run: runs.Run) -> None:
        data = await self._file(work)

        def look() -> tuple[str, str]:
            return validate(data, work.filename), hashlib.sha256(data).hexdigest()

        kind, sha256 = await aside(look)
        await self._save(run, kind=kind, sha256=sha256)

    async def _parse(self, work: cvs.Work, run: runs.Run) -> None:
        data = await self._file(work)
        kind = msgspec.convert(work.kind, Kind)
        parsed: Parsed = await aside(lambda: self._tools.sandbox.parse(kind, data))
        if parsed.needs_ocr:
            raise Fault("cv_needs_ocr")

        async def keep(c: Connection) -> None:
            await cvs.save_text(c, self._tenant, work.id, parsed.text)

        await self._save(
            run,
            keep,
            pages=parsed.pages or 0,
            text_chars=len(parsed.text),
            hidden=msgspec.to_builtins(parsed.removed),
        )

    async def _extract(self, work: cvs.Work, run: runs.Run) -> None:
        async with self._tools.db.tenant(self._tenant) as c:
            text = await cvs.text(c, work.id)
        profile = await aside(lambda: extract(text, today=clock.today()))
        basics = profile.basics

        async def keep(c: Connection) -> None:
            await profiles.save(
                c, self._tenant, cv_id=work.id, candidate_id=work.candidate_id, profile=profile,
                extractor=EXTRACTOR_VERSION,
            )  # fmt: skip
            await candidates.fill(
                c, work.candidate_id, name=basics.name or "", email=basics.email or "",
                phone=basics.phone or "",
            )  # fmt: skip

        await self._save(run, keep, language=profile.meta.language or "")

    async def _vectorize(self, work: cvs.Work, run: runs.Run) -> None:
        stored = await self._profile(work)
        words = profile_words(stored.profile)

        def embed() -> tuple[str, list[float]]:
            embedder = self._tools.embedder()
            return embedder.model, [float(value) for value in embedder.embed([words])[0]]

        model, vector = await aside(embed)

        async def keep(c: Connection) -> None:
            await vectors.save(
                c, self._tenant, "cv", work.id, model=model, version=stored.version, vector=vector
            )

        await self._save(run, keep)

    async def _match(self, work: cvs.Work, run: runs.Run) -> None:
        model = await aside(lambda: self._tools.embedder().model)
        stored = await self._profile(work)
        async with self._tools.db.tenant(self._tenant) as c:
            text = await cvs.text(c, work.id)
            wanted = await openings.open_with_vector(c, model)
            near = await vectors.similarities(
                c, model, cv_ids=[work.id], opening_ids=[opening.id for opening in wanted]
            )

        def compare() -> list[matches.Match]:
            return [
                match(
                    opening, cv_id=work.id, profile=stored.profile, text=text,
                    profile_version=stored.version, cosine=near.get((work.id, opening.id)),
                )
                for opening in wanted
            ]  # fmt: skip

        found = await aside(compare)

        async def keep(c: Connection) -> None:
            await matches.save(c, self._tenant, found)

        await self._save(run, keep)
        if self._moved is not None:
            await cv_ready(self._tools, self._tenant, self._moved, len(found))

    async def _file(self, work: cvs.Work) -> bytes:
        try:
            return await self._tools.blobs.get(work.object_key, bytes_max=limits.CV_BYTES_MAX)
        except Fault as fault:
            names = {"not_found": "cv_not_uploaded", "too_large": "cv_too_large"}
            raise Fault(names.get(fault.code, fault.code), fault.detail) from fault

    async def _profile(self, work: cvs.Work) -> profiles.Stored:
        async with self._tools.db.tenant(self._tenant) as c:
            stored = await profiles.get(c, work.id)
        if stored is None:
            raise Fault("server_error", "a stage was passed without its profile")
        return stored

    async def _save(self, run: runs.Run, keep: Save | None = None, **facts: Any) -> None:
        """Pass the stage in one transaction, unless another copy of the message has."""
        async with self._tools.db.tenant(self._tenant) as c:
            moved = await cvs.passed(c, self.subject_id, self._stage, **facts)
            if moved is None:
                await runs.end(c, run)
                return
            if keep is not None:
                await keep(c)
            following = cvs.AFTER.get(self._stage)
            if following is not None:
                await cvs.hand_over(
                    c, self._tenant, self.subject_id, following, moved.lane,
                    request_id=self._envelope.request_id,
                )  # fmt: skip
            await runs.end(c, run)
        self._moved = moved
        await cv_moved(self._tools, self._tenant, moved)
