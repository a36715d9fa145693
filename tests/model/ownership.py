"""Who owns a session and when an answer is safe: the protocol, small enough to search whole.

One session, two stores, owners that come and go. An owner is one take-over, named by its fence; an
instance is where it runs. Everything is cut between any two operations on a store, so:

- an instance that is frozen is one whose steps come late, and it wakes with the next of them;
- a store that is away is one whose steps come late; all an owner sees of it is that it *gives up*
  on a request, which may still be carried out later, or never;
- a crash removes the owner, and what it had sent may still be carried out;
- the candidate may send any answer, the old one or one typed anew, to any owner at any time.

Redis may be emptied (by another server in its place) at any moment in which it does not hold the
only copy of an acknowledged answer: `appendfsync always` excludes just that, and without it the
journal is off. An append names the server whose settings were checked, so it dies with that server.
"""

from collections.abc import Iterator
from typing import Final

from tests.model.explorer import Found, explore
from tests.model.stores import (
    COPIED,
    OWNER,
    RIGHT,
    TOOK,
    Bounds,
    Owner,
    State,
    Variant,
    append,
    flush,
    inserted,
    named,
    save,
    trim,
    turn_of,
)

TEXTS: Final = "ab"  # two texts for one turn: the answer, and what is typed anew in another tab
SMALL: Final = Bounds()
Step = tuple[str, State]


def _put(s: State, old: Owner | None, new: Owner | None) -> State:
    owners = [one for one in s.owners if one != old]
    if new is not None:
        owners.append(new)
    return s._replace(owners=tuple(sorted(owners, key=lambda one: one.fence)))


# Taking over -----------------------------------------------------------------------------------


def _begin(s: State, v: Variant, b: Bounds) -> Iterator[Step]:
    """Step 1: a candidate comes to an instance, and PostgreSQL raises the fence and is read."""
    if s.issued == b.takes or len(s.owners) == b.living:
        return
    if v.fence_by == "redis":
        fence = s.copy + 1
        owner = Owner(fence, COPIED, sealed=s.journal)
        after = s._replace(copy=fence, issued=max(fence, s.issued))
        yield f"{fence}: Redis issues the fence", _put(after, None, owner)
        return
    fence = s.fence + 1
    owner = Owner(fence, known=s.turns)
    after = s._replace(fence=fence, issued=fence)
    yield f"{fence}: PostgreSQL raises the fence, {named(s.turns)} read", _put(after, None, owner)


def _take_over(s: State, o: Owner, v: Variant) -> Iterator[Step]:
    """Steps 2 and 3, and the welcome."""
    if o.phase == TOOK:
        if s.copy > o.fence:
            yield f"{o.fence}: Redis has a newer owner, given up", _put(s, o, None)
            return
        after, sealed = s._replace(copy=o.fence), s.journal
        new = o._replace(phase=COPIED, sealed=sealed)
        if not v.confirm:
            new = _welcomed(o, o.known, sealed)
            after = after._replace(told=after.told | set(new.known))
        yield f"{o.fence}: Redis raises the copy, seals {named(sealed)}", _put(after, o, new)
    elif v.fence_by == "redis":
        new = _welcomed(o, s.turns, o.sealed)
        after = s._replace(told=s.told | set(new.known))
        yield f"{o.fence}: PostgreSQL read, {named(s.turns)}; joined", _put(after, o, new)
    elif s.fence != o.fence:
        yield f"{o.fence}: PostgreSQL has a newer owner, given up", _put(s, o, None)
    else:
        done = flush(s, o.sealed)
        yield f"{o.fence}: PostgreSQL confirms, the answer to it is lost", done
        new = _welcomed(o, done.turns, ())._replace(untrimmed=bool(o.sealed))
        after = done._replace(told=done.told | set(new.known))
        label = f"{o.fence}: PostgreSQL confirms, {named(o.sealed)} inserted; joined"
        yield label, _put(after, o, new)


def _welcomed(o: Owner, turns: tuple[str, ...], sealed: tuple[str, ...]) -> Owner:
    known = turns
    for answer in sealed:
        known, _ = inserted(known, answer)
    unflushed = len(known) - len(turns)
    return Owner(o.fence, OWNER, known, unflushed=unflushed, confirmed=True)


# An answer -------------------------------------------------------------------------------------


def _answer(s: State, o: Owner, v: Variant, b: Bounds) -> Iterator[Step]:
    """An answer arrives: to PostgreSQL, or, when that is out of reach, to the journal.

    While another answer of the turn is in doubt, that one is settled first, in PostgreSQL.
    """
    if o.request is not None or len(o.known) == b.turns:
        return
    for answer in _texts(s, len(o.known) + 1):
        first = o.doubt if o.doubt and v.mind_doubt else answer
        if not o.unflushed:
            new = o._replace(request=("save" if first == answer else "settle", first))
            yield f"{o.fence}: {answer} comes, {first} sent to PostgreSQL", _put(s, o, new)
        if o.confirmed and first == answer:
            new = o._replace(request=("append", answer))
            yield f"{o.fence}: {answer} comes, PostgreSQL is away, sent to Redis", _put(s, o, new)


def _texts(s: State, turn: int) -> list[str]:
    """The texts a candidate may send; the second only beside the first, for they are alike."""
    first, second = (f"{turn}{text}" for text in TEXTS)
    there = {*s.turns, *s.journal, *s.told, *s.swept, *(answer for _, _, answer in s.late)}
    for o in s.owners:
        there |= {*o.known, *o.sealed, o.doubt, o.request[1] if o.request else ""}
    return [first, second] if first in there or second in there else [first]


def _carry_out(s: State, o: Owner, v: Variant) -> Iterator[Step]:
    """The request of an owner that waits is carried out, or the owner gives up on it."""
    if o.request is None:
        return
    kind, answer = o.request
    gave_up = o._replace(request=None, doubt=answer)
    yield (
        f"{o.fence}: gives up on {answer}, which is on its way",
        _put(_on_its_way(s, o), o, gave_up),
    )
    if kind == "append":
        yield from _into_journal(s, o, answer, v)
    elif kind == "save" and not v.locked:
        new = o._replace(request=("insert", answer)) if o.fence == s.fence else None
        yield f"{o.fence}: PostgreSQL checks {answer}", _put(s, o, new)
    else:
        yield from _into_database(s, o, kind, answer, v)


def _on_its_way(s: State, o: Owner) -> State:
    if o.request is None:
        return s
    kind, answer = o.request
    late = ("save" if kind == "settle" else kind, o.fence, answer)
    return s._replace(late=s.late | {late})


def _into_journal(s: State, o: Owner, answer: str, v: Variant) -> Iterator[Step]:
    after, taken = append(s, o.fence, answer, v)
    if taken:
        after = after._replace(told=after.told | {answer})
        known, unflushed = (*o.known, answer), o.unflushed + 1
        new = o._replace(request=None, known=known, unflushed=unflushed, doubt="")
        yield f"{o.fence}: Redis journals {answer}; accepted", _put(after, o, new)
    else:
        yield f"{o.fence}: Redis refuses {answer}", _put(s, o, o._replace(request=None))


def _into_database(s: State, o: Owner, kind: str, answer: str, v: Variant) -> Iterator[Step]:
    refused = o._replace(request=None, doubt=o.doubt if v.keep_doubt else "")
    yield f"{o.fence}: PostgreSQL refuses {answer} for now", _put(s, o, refused)
    after, outcome = save(s, s.fence if kind == "insert" else o.fence, answer)
    label = f"{o.fence}: PostgreSQL answers for {answer}: {outcome}"
    kept = outcome in ("saved", "duplicate")
    if kept and kind != "settle":
        after = after._replace(told=after.told | {answer})
        known, untrimmed = (*o.known, answer), o.untrimmed or bool(o.doubt)
        new = o._replace(request=None, known=known, untrimmed=untrimmed, doubt="")
        yield f"{label}; accepted", _put(after, o, new)
    elif v.start_over or outcome == "fence_lost":
        yield f"{label}; lets the session go", _put(after, o, None)
    else:
        other = next(one for one in TEXTS if one != answer[-1])
        new = o._replace(request=("save", f"{turn_of(answer)}{other}") if kept else None, doubt="")
        yield f"{label}; goes on", _put(after, o, new)


# What an owner does beside it ------------------------------------------------------------------


def _keep_house(s: State, o: Owner, v: Variant) -> Iterator[Step]:
    """Flush the journal once PostgreSQL is back, trim it, and register in an emptied Redis."""
    if o.request is not None:
        if not v.one_by_one and o.request[0] == "append":
            yield from _reassure(s, o, v)
        return
    if o.unflushed and s.fence > o.fence:
        yield f"{o.fence}: the flush finds a newer owner", _put(s, o, None)
    elif o.unflushed:
        done = flush(s, o.known[-o.unflushed :])
        yield f"{o.fence}: flushed, the answer to it is lost", done
        new = o._replace(unflushed=0, untrimmed=True)
        yield f"{o.fence}: PostgreSQL has the journal", _put(done, o, new)
    if o.untrimmed:
        after = trim(s, o.known[: len(o.known) - o.unflushed], v)
        new = o._replace(untrimmed=False)
        yield f"{o.fence}: Redis drops what was flushed", _put(after, o, new)
    yield from _reassure(s, o, v)


def _reassure(s: State, o: Owner, v: Variant) -> Iterator[Step]:
    """Redis was emptied: register there, then ask PostgreSQL; until then, no journal."""
    asks, registers = f"{o.fence}: asks PostgreSQL", f"{o.fence}: registers in an emptied Redis"
    mine = o._replace(confirmed=v.register_first) if s.fence == o.fence else None
    copied = s._replace(copy=o.fence)
    if v.register_first:
        if s.copy < o.fence and v.mind_foreign and set(s.journal) - {*o.known, o.doubt}:
            yield f"{o.fence}: finds another's answers in Redis, steps down", _put(copied, o, None)
        elif s.copy < o.fence:
            yield registers, _put(copied, o, o._replace(confirmed=False))
        if not o.confirmed:
            yield asks, _put(s, o, mine)
    elif s.copy < o.fence:
        if o.confirmed:
            yield asks, _put(s, o, mine)
        else:
            yield registers, _put(copied, o, o._replace(confirmed=True))


def _sweep(s: State, v: Variant, b: Bounds) -> Iterator[Step]:
    """Journals whose owner is gone: read with the copy, inserted under it, trimmed by name."""
    over = {"swept": (), "swept_copy": 0}
    if not s.swept and s.journal and s.sweeps < b.sweeps:
        after = s._replace(swept=s.journal, swept_copy=s.copy, sweeps=s.sweeps + 1)
        yield f"the sweep reads the journal, {named(s.journal)}", after
    if s.swept:
        if v.sweep_fenced and s.swept_copy != s.fence:
            yield "the sweep leaves it to whoever takes over", s._replace(**over)
        else:
            yield "the sweep inserts what it read", flush(s, s.swept)
        if turn_of(s.swept[-1]) <= len(s.turns):
            yield "the sweep trims what it read", trim(s, s.swept, v)._replace(**over)


# Faults ----------------------------------------------------------------------------------------


def _faults(s: State, v: Variant, b: Bounds) -> Iterator[Step]:
    for o in s.owners:
        yield f"{o.fence}: crashes", _put(_on_its_way(s, o), o, None)
    for kind, fence, answer in s.late:
        rest = s._replace(late=s.late - {(kind, fence, answer)})
        if kind == "append":
            yield f"{fence}: {answer} arrives late at Redis", append(rest, fence, answer, v)[0]
        else:
            after, outcome = save(rest, s.fence if kind == "insert" else fence, answer)
            yield f"{fence}: {answer} arrives late at PostgreSQL: {outcome}", after
    only_copy = any(a in s.told and a not in s.turns for a in s.journal)
    if s.empties < b.empties and (s.copy or s.journal) and not only_copy:
        yield "Redis is emptied", _emptied(s)


def _emptied(s: State) -> State:
    """Another server, which knows nothing; what was on its way to the old one dies with it."""
    owners = tuple(
        o._replace(request=None, doubt=o.request[1])
        if o.request is not None and o.request[0] == "append"
        else o
        for o in s.owners
    )
    late = frozenset(one for one in s.late if one[0] != "append")
    empties = s.empties + 1
    return s._replace(copy=0, journal=(), owners=owners, late=late, empties=empties)


def steps(s: State, v: Variant = RIGHT, b: Bounds = SMALL) -> Iterator[Step]:
    """Everything that can happen next."""
    for label, after in _everything(s, v, b):
        yield label, _settled(after, v, b)


def _everything(s: State, v: Variant, b: Bounds) -> Iterator[Step]:
    yield from _begin(s, v, b)
    for o in s.owners:
        if o.phase != OWNER:
            yield from _take_over(s, o, v)
        else:
            yield from _carry_out(s, o, v)
            yield from _keep_house(s, o, v)
            yield from _answer(s, o, v, b)
    yield from _sweep(s, v, b)
    yield from _faults(s, v, b)


def _settled(s: State, v: Variant, b: Bounds) -> State:
    """Forget what can't matter any more, so that states that differ only by it are one."""
    told = s.told.difference(s.turns)  # what PostgreSQL has stays there
    owners, late = s.owners, s.late
    if owners and owners[0].fence < s.fence and v == RIGHT:  # a wrong one may still do harm
        owners = tuple(o for o in owners if not _over(s, o, b))
    if late:
        living = {o.fence for o in owners}
        late = frozenset(one for one in late if _may_matter(s, one, living, v))
    return s._replace(told=told, late=late, owners=owners)


def _over(s: State, o: Owner, b: Bounds) -> bool:
    """Whether an owner can only find out that it is none: every store refuses it for ever."""
    if o.fence == s.fence:
        return False
    return o.phase == COPIED or (s.copy > o.fence and s.empties == b.empties)


def _may_matter(s: State, late: tuple[str, int, str], living: set[int], v: Variant) -> bool:
    kind, fence, answer = late
    if kind == "append":
        return fence == s.copy or fence in living or v.missing_key
    stale = kind == "save" and fence < s.fence  # the fence only grows
    return not stale and turn_of(answer) > len(s.turns)


# The properties --------------------------------------------------------------------------------


def broken(s: State) -> str:
    """Name the property that a state breaks, or nothing."""
    if [turn_of(a) for a in s.turns] != list(range(1, len(s.turns) + 1)):
        return "the record is out of order"
    if len({turn_of(a) for a in s.told}) != len(s.told):
        return "two answers of one turn were acknowledged"
    for answer in s.told:
        if turn_of(answer) <= len(s.turns):
            if answer not in s.turns:
                return f"{answer} was acknowledged, and PostgreSQL has another answer there"
        elif answer not in s.journal:
            return f"{answer} was acknowledged and is lost"
    if s.journal:
        first = turn_of(s.journal[0])
        if first > len(s.turns) + 1 or [turn_of(a) for a in s.journal] != list(
            range(first, first + len(s.journal))
        ):
            return "the journal has a gap"
    newest = s.owners[-1] if s.owners else None
    if newest is not None and newest.fence == s.issued and newest.phase == OWNER:
        return _behind(s, newest)
    return ""


def _behind(s: State, o: Owner) -> str:
    """The owner with the newest fence knows every answer there is, or doubts it."""
    own = {*o.known, o.doubt, o.request[1] if o.request else ""}
    for answer in s.turns:
        if answer not in own:
            return f"{answer} is in PostgreSQL, and {o.fence}, who owns the session, does not know"
    if s.told - own:
        return f"{sorted(s.told - own)} was acknowledged, and {o.fence} does not know"
    return ""


def search(v: Variant = RIGHT, b: Bounds = SMALL) -> Found[State]:
    """Explore a variant within bounds."""
    return explore(State(), lambda s: steps(s, v, b), broken)
