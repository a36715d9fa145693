"""The metrics of a process, in one registry; every name is declared here.

No label carries a person's words, and every label's values come from a closed list.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY: Final = CollectorRegistry()
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_FAST: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_SLOW: Final = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)

sessions = Gauge("sessions", "Sessions in memory on this instance", registry=REGISTRY)
sockets = Gauge("sockets", "Open WebSockets on this instance", registry=REGISTRY)
waiting = Gauge("waiting_sockets", "Sockets in the waiting room here", registry=REGISTRY)
waited_seconds = Histogram(
    "waited_seconds", "From arrival in the line to the seat", buckets=_SLOW, registry=REGISTRY
)
slots_cap = Gauge("slots_cap", "The hard cap of sessions on this instance", registry=REGISTRY)
admissions = Counter("admissions_total", "What the gate answered", ["outcome"], registry=REGISTRY)
closes = Counter("socket_closes_total", "Sockets closed, by code", ["code"], registry=REGISTRY)
joins = Counter(
    "session_joins_total",
    "Joins: new, replayed, reloaded or taken over",
    ["how"],
    registry=REGISTRY,
)
answers = Counter("answers_total", "Answers received", ["outcome"], registry=REGISTRY)
faults = Counter("faults_total", "Expected failures told to clients", ["code"], registry=REGISTRY)
save_seconds = Histogram(
    "save_seconds", "Time to make an answer durable", buckets=_FAST, registry=REGISTRY
)
piece_seconds = Histogram(
    "piece_seconds", "From the engine's piece to the socket", buckets=_FAST, registry=REGISTRY
)
first_piece_seconds = Histogram(
    "first_piece_seconds",
    "From the ask to its first piece",
    ["engine"],
    buckets=_SLOW,
    registry=REGISTRY,
)
finished = Counter("sessions_finished_total", "Interviews ended", ["reason"], registry=REGISTRY)
drained = Counter("sessions_moved_total", "Sessions told to move", registry=REGISTRY)
drain_seconds = Histogram(
    "drain_seconds", "From the wish to drain to an empty instance", buckets=_SLOW, registry=REGISTRY
)

journal = Counter(
    "journal_entries_total",
    "Entries of the journal: appended, flushed, set_aside, stuck, or refused with the reason",
    ["outcome"],
    registry=REGISTRY,
)
journal_mode = Gauge(
    "entrevistador_journal_mode",
    "1 when answers can be accepted into Redis while PostgreSQL is away",
    registry=REGISTRY,
)
database_away = Gauge(
    "database_away", "1 while PostgreSQL does not answer this process", registry=REGISTRY
)

requests = Counter("http_requests_total", "REST requests", ["route", "status"], registry=REGISTRY)
request_seconds = Histogram(
    "http_request_seconds", "REST latency", ["route"], buckets=_FAST, registry=REGISTRY
)
watchers = Gauge("watchers", "Open event streams", registry=REGISTRY)

model_calls = Counter(
    "model_calls_total", "Calls to a model", ["task", "engine", "outcome"], registry=REGISTRY
)
model_micro_usd = Counter(
    "model_micro_usd_total", "Money spent on models, in millionths", ["task"], registry=REGISTRY
)
model_tokens = Counter("model_tokens_total", "Tokens by kind", ["kind"], registry=REGISTRY)
model_waiting = Gauge(
    "model_waiting", "Requests in line for a model", ["urgency"], registry=REGISTRY
)
model_line_seconds = Histogram(
    "model_line_seconds",
    "From the request to its place at the model",
    ["urgency"],
    buckets=_FAST,
    registry=REGISTRY,
)
model_refusals = Counter(
    "model_refusals_total",
    "Requests that were given no place: line, budget or breaker",
    ["reason", "urgency"],
    registry=REGISTRY,
)
model_steps = Counter(
    "model_steps_total", "Steps down the ladder", ["tier", "reason"], registry=REGISTRY
)
model_missing = Gauge(
    "model_missing", "1 for a tier whose model the provider does not list", ["tier"],
    registry=REGISTRY,
)  # fmt: skip
model_breaker = Gauge("model_breaker", "0 closed, 1 half open, 2 open", ["tier"], registry=REGISTRY)
model_hedges = Counter("model_hedges_total", "Second calls", ["outcome"], registry=REGISTRY)
model_stores = Gauge(
    "model_stores",
    "What decides about money: 0 Redis, 1 PostgreSQL and a local share, 2 nobody",
    registry=REGISTRY,
)
model_alerts = Counter(
    "model_budget_alerts_total",
    "Thresholds of budgets crossed",
    ["account", "percent"],
    registry=REGISTRY,
)
model_cold_prefix = Counter(
    "model_cold_prefix_total",
    "Turns whose prefix should have come from the provider's cache and did not",
    ["tier"],
    registry=REGISTRY,
)
evaluations = Counter(
    "evaluations_total",
    "Evaluations by the way they were to be made, and what became of them",
    ["kind", "outcome"],
    registry=REGISTRY,
)
evaluations_waiting = Gauge(
    "evaluations_waiting", "Interviews whose report waits for a batch", registry=REGISTRY
)
batches = Counter(
    "model_batches_total",
    "Batches of evaluations: made, ended, lost, cancelled, refused",
    ["outcome"],
    registry=REGISTRY,
)
alerts_sent = Counter(
    "budget_alerts_sent_total",
    "Tellings of the operator's receiver: sent, failed or given_up",
    ["outcome"],
    registry=REGISTRY,
)
extractions = Counter(
    "extractions_total",
    "Openings that a model was asked to read: found, nothing, unfit or a fault",
    ["outcome"],
    registry=REGISTRY,
)
plans = Counter(
    "plans_total",
    "Plans that a model was asked to weigh: refined, unfit, joined or a fault",
    ["outcome"],
    registry=REGISTRY,
)
work_cache = Counter("work_cache_total", "Look-ups of job-level work", ["how"], registry=REGISTRY)
ledger_lost = Counter(
    "ledger_lost_total", "Lines that the ledger could not keep", registry=REGISTRY
)

cv_stage_seconds = Histogram(
    "cv_stage_seconds", "Time in a stage", ["stage", "outcome"], buckets=_SLOW, registry=REGISTRY
)
cv_wait_seconds = Histogram(
    "cv_wait_seconds",
    "From the upload to the end of reading",
    ["lane"],
    buckets=_SLOW,
    registry=REGISTRY,
)
jobs = Counter("jobs_total", "Jobs done", ["actor", "outcome"], registry=REGISTRY)
relayed = Counter("outbox_relayed_total", "Outbox rows handed to the broker", registry=REGISTRY)
outbox_age = Gauge("outbox_oldest_seconds", "Age of the oldest unsent row", registry=REGISTRY)


def text() -> bytes:
    """Return the registry in Prometheus' text format."""
    return generate_latest(REGISTRY)
