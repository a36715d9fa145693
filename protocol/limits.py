"""Every bound of the system and the relations between them, asserted when this is read.

A bound that two rooms must agree on lives here, with its unit last and its reason beside it.
"""

# The wire -------------------------------------------------------------------------------
FRAME_BYTES_MAX = 65_536  # one text message; 1009 above it
STATE_BYTES_MAX = 56 * 1024  # session.state: the longest texts are cut until it fits one frame
ANSWER_CHARS_MAX = 12_000  # about 2,000 words; four bytes a character still fit one frame
QUESTION_CHARS_MAX = 4_000  # a longer question is a model that went astray
CLIENT_MSG_ID_CHARS_MAX = 64
JOIN_SECONDS = 15.0  # from the upgrade to session.join
HEARTBEAT_SECONDS = 25.0  # the client pings at this pace; mobile networks drop idle flows at 30
PONG_SECONDS = 10.0  # the client waits this long for pong, then joins anew
SILENCE_SECONDS = 75.0  # background tabs run their timers once a minute; dead links end earlier
PING_SECONDS = 20.0  # of quiet, then the server asks for a sign of life
PING_ANSWER_SECONDS = 20.0  # a link that gives none within this is dead: 4012
SEND_SECONDS = 20.0  # a peer that takes nothing for this long is too slow: 4008
FRAMES_PER_SECOND = 10.0  # inbound, sustained
FRAMES_BURST = 40  # a reconnecting page sends a handful at once
OUTBOX_BYTES_MAX = 128 * 1024  # what a peer that does not read may cost before 4008
INBOX_EVENTS_MAX = 256  # events waiting for one session's loop
INBOX_FRAMES_MAX = 8  # of them a client's frames: then its connection is not read
SOCKET_SEND_BUFFER_BYTES = 32 * 1024
TCP_USER_TIMEOUT_MS = 25_000
STUCK_PEER_SECONDS = 30.0  # a peer that takes nothing is gone within this
COALESCE_SECONDS = 0.05  # pieces that arrive within this leave in one frame

# Replay ---------------------------------------------------------------------------------
REPLAY_FRAMES_MAX = 512  # frames of the record kept for a reconnect within an epoch
REPLAY_BYTES_MAX = 96 * 1024  # whichever comes first; older ones fall out -> session.state
ACK_FRAMES = 32  # a client acknowledges each whole question, and at least this often in one

# Tickets --------------------------------------------------------------------------------
TICKET_SECONDS = 30
SEAT_SECONDS = TICKET_SECONDS  # a seat lives as long as the ticket that holds it
INVITATION_SECONDS = 14 * 24 * 3600
UPLOAD_SECONDS = 30  # SPEC cv-1
RESUME_SECONDS = 24 * 3600
COPY_SECONDS = 7 * 24 * 3600  # from the end on, a candidate reads their own answers this long

# Sessions on an instance ------------------------------------------------------------------
SCALE_IN_SESSIONS = 20
TARGET_SESSIONS = 50
SCALE_OUT_SESSIONS = 60
ADMIT_SESSIONS = 70
HARD_CAP_SESSIONS = 75
SLOT_LEASE_SECONDS = 20.0  # a slot not renewed for this long is free again
LEASE_SECONDS_MAX = 60  # a longer one is of a clock that was set back; the scripts have it too
RENEW_SECONDS = 1.0  # an instance renews its lease, and the places of one part of its sessions
RENEW_PARTS = 6  # so that thousands of sessions are no burst
RENEW_LATE_SECONDS = 1.6  # an instance that has not renewed for this long is offered last
INSTANCE_LEASE_SECONDS = 6.0  # a dead instance is offered to nobody after this
FINISHED_LINGER_SECONDS = 30.0  # a page may show the end this long; then 4509
AWAY_GRACE_SECONDS = 60.0  # a session without a socket stays in memory this long
AWAY_PAUSE_SECONDS = 600.0  # whoever was away for longer finds the interview in pause
AWAY_CLOSE_SECONDS = 24 * 3600.0  # then it is closed with what was said; pages promise a day
PAUSED_PLACE_SECONDS = 900.0  # a pause holds its place this long; then 4506
GRANT_LOOK_SECONDS = 60.0  # with less than this left PostgreSQL is asked for granted time once more
DRAIN_SECONDS = 8.0
DRAIN_STEP_SECONDS = 0.01  # between two moves: a join costs its new instance about half of it
DRAIN_SPREAD_SECONDS = 6.0  # all of them, if there are too many for that step
DRAIN_LOOK_SECONDS = 1.0  # what is known of the others' places is believed this long
REFUSED_RETRY_SECONDS = 5

# The waiting room -------------------------------------------------------------------------
WAITING_SOCKETS_MAX = 500  # on one instance, beside its sessions; with this the room is full
WAITING_KEEP_SECONDS = 120.0  # a place in line after the last sign of life: a reload, a tunnel
WAITING_PRESENT_SECONDS = 5.0  # who was not heard for longer is passed over, and keeps the place
WAITING_LOOK_SECONDS = 0.5  # between looks of an instance at the line, for all its sockets at once
WAITING_TELL_SECONDS = 1.0  # at most one session.queued a socket in this
WAITING_REFRESH_SECONDS = 30.0  # a session.queued although nothing changed: a fresh token
WAITING_RATE_MINUTES = 10  # of freed places, for the estimate
WAITING_BASIS_FREED = 3  # with fewer places freed there is no estimate

# The interview ----------------------------------------------------------------------------
TURNS_MAX = 24
FOLLOW_UPS_MAX = 2
MINUTES_MIN, MINUTES_DEFAULT, MINUTES_MAX = 5, 20, 90
ASKS_PER_TURN_MAX = 5  # attempts at one question before the bank asks it
QUESTION_SECONDS = 45.0  # from the ask to the end of its text
MODEL_FIRST_PIECE_SECONDS = 12.0  # then the bank asks: nobody watches an empty page for longer
MODEL_PIECE_SECONDS = 8.0  # of silence inside a question
MODEL_QUESTION_SECONDS = 35.0  # the rest of QUESTION_SECONDS is the bank's, should it step in
MODEL_EVALUATION_SECONDS = 180.0
MODEL_CONNECT_SECONDS = 5.0
MODEL_CONNECTIONS_MAX = 1_000  # of one process: a stream holds one
MODEL_IDLE_SECONDS = 55.0  # a connection is kept for the session's next question
MODEL_DRAIN_SECONDS = 1.0  # the end of a reply may come after message_stop: worth a connection
MODEL_EVENT_BYTES_MAX = 1024 * 1024  # one event of a stream
MODEL_REPLY_BYTES_MAX = 8 * 1024 * 1024  # an answer in one piece
BATCH_CALL_SECONDS = 60.0  # one call to make, look at or read a batch
BATCH_PAGE = 100  # batches listed at once, when one is looked for
BATCH_SECONDS = 24 * 3600.0  # the provider's own promise; then its requests expire
BATCH_LATE_SECONDS = BATCH_SECONDS + 3600.0  # then its evaluations are made directly
BATCH_GROUP_SECONDS = 120.0  # what an evaluation waits for others, to be handed in with them
BATCH_ITEMS_MAX = 100  # evaluations in one batch; with so many nobody waits for others
BATCH_TRIES_MAX = 30  # batches that were never made, before an evaluation is made directly
BATCH_LOOK_SECONDS = 60.0  # between two looks at a company's batches
BATCH_LOOKS_MAX = 20  # batches looked at in one round
BATCH_ROUND_SECONDS = 300.0  # one round of a company: hand in, look, book
BATCH_ROUND_LATE_SECONDS = 120.0  # then the sweep hands the round over again
MODEL_CHECK_SECONDS, MODEL_CHECK_PAUSE_SECONDS, MODEL_CHECKS_MAX = 10.0, 60.0, 5  # the model list
LEDGER_SECONDS = 2.0  # a line of the ledger holds up nobody for longer
CLOSING_SECONDS_LEFT = 45  # with less than this no new question is begun

# The road to the model -------------------------------------------------------------------
LINE_WAITERS_MAX = 2_000  # of one process, tier and urgency
LINE_SECONDS = {"live": 4.0, "candidate": 15.0, "recruiter": 60.0, "background": 120.0}
BORROW_SECONDS = 3.0  # a live turn reserves this far ahead; nobody else does
BUCKET_SECONDS = 10.0  # of a minute's limit that a bucket holds
BUCKET_WATERMARKS = {"live": 0, "candidate": 10, "recruiter": 25, "background": 50}  # percent
BUCKET_FLOOR_PERCENT = 5  # of the limit, for background whatever else there is
MODEL_ATTEMPTS_MAX = 3  # calls of one tier before the ladder steps down
MODEL_BACKOFF_SECONDS, MODEL_BACKOFF_SECONDS_MAX = 1.0, 20.0  # doubling, with jitter
BREAKER_FAILURES = 5  # in a row
BREAKER_SECONDS, BREAKER_SECONDS_MAX = 5.0, 60.0  # until one call tries again, doubling
HEDGE_SECONDS = 3.0  # without a first piece, where hedging is on
HEDGE_PERCENT = 2  # of the live calls
RESERVE_SECONDS = 2.0  # a store that takes longer to say yes is away
AWAY_AGAIN_SECONDS = 2.0  # then it is asked again
QUESTION_BUDGET_PERCENT = 60  # of a session's limit; the rest pays its report
HOLD_SECONDS = 240.0  # a reservation whose end nobody told belongs to a dead process
WORK_CACHE_SECONDS = 7 * 24 * 3600  # answers to job-level work
WORK_LEAD_SECONDS = 60.0  # whoever computes such an answer has this long, then another takes over
POLICY_SECONDS = 30.0  # a company's limits are looked up this often, by each process that calls
ALERTS_WAITING_MAX = 1_000  # thresholds that a process keeps for PostgreSQL
ALERT_KEEP_SECONDS = 600.0  # then the oldest of them is given up
ALERT_SECONDS = 10.0  # one telling of the operator's receiver
ALERT_RETRIES = 12  # of it: about eight minutes
DESCRIBED_MAX = 12  # requirements of an opening that only its description names

# CVs (SPEC cv-1) --------------------------------------------------------------------------
CV_BYTES_MAX = 50 * 1024 * 1024
CV_PAGES_MAX = 50
CV_TEXT_CHARS_MAX = 200_000
CV_STAGE_SECONDS = {
    "upload": 30.0,
    "validate": 5.0,
    "parse": 60.0,
    "extract": 120.0,
    "vectorize": 30.0,
    "match": 30.0,
}
CV_STAGE_RETRIES = {"validate": 1, "parse": 3, "extract": 2, "vectorize": 3, "match": 3}
OPENING_SECONDS = 600.0  # one opening against every CV of its tenant
EVALUATE_SECONDS = 200.0  # the model's own time and the saving
PLAN_SECONDS = 90.0  # a plan weighed by the model; the candidate may come sooner
JOB_RETRIES = 3  # of the three above
RETRY_SECONDS, RETRY_SECONDS_MAX = 2.0, 60.0  # a job's back-off, doubling
AWAY_SECONDS_MAX = 60.0  # what a worker waits for its stores with a message in hand
UPLOAD_EXPIRED_SECONDS = 3600.0  # an upload that was never confirmed is over
REVIEW_RETRY_SECONDS, REVIEW_SECONDS_MAX = 600.0, 24 * 3600.0  # a report the model did not write
RELAY_ROWS_MAX = 200  # handed to the broker in one transaction
RELAY_PAUSE_SECONDS, RELAY_PAUSE_SECONDS_MAX = 0.05, 0.2  # between looks at an empty outbox
WORKER_STOP_SECONDS = 4.0  # from SIGTERM; unfinished messages go back to their queue
LANE_PROMISE_SECONDS = {"premium": 10.0, "active": 300.0, "bulk": 1_800.0, "again": 7_200.0}

# Doors ------------------------------------------------------------------------------------
BODY_BYTES_MAX = 256 * 1024  # a JSON request body
PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX = 50, 200
WATCHERS_MAX = 200  # event streams on one instance
EVENTS_KEPT_MAX = 2_000  # of one tenant, for Last-Event-ID
REQUESTS_PER_MINUTE = 240  # one user over REST
REQUESTS_BURST = 60

# Kept in Redis ----------------------------------------------------------------------------
LIVE_SECONDS = 24 * 3600
JOURNAL_ENTRIES_MAX = 64  # of one session while PostgreSQL is away: its turns, and asks again
JOURNAL_BYTES_MAX = 2 * 1024 * 1024
JOURNAL_CHECK_SECONDS = 2.0  # what Redis says of its append-only file is believed this long
JOURNAL_LOOK_SECONDS = 30.0  # between two looks while nothing needs it: for the metric and the log
JOURNALS_SWEPT_MAX = 500  # sessions in one round of the sweep
SAVE_SECONDS = 5.0  # PostgreSQL has this long to take an answer before it counts as away
AWAY_PROBE_SECONDS = 0.5  # between two looks at whether PostgreSQL is back
MATCH_CACHE_SECONDS = 3600

SMALLEST_ADMISSIBLE = SCALE_OUT_SESSIONS + 1

assert SCALE_IN_SESSIONS < TARGET_SESSIONS < SCALE_OUT_SESSIONS < ADMIT_SESSIONS
assert ADMIT_SESSIONS < HARD_CAP_SESSIONS
assert STATE_BYTES_MAX + QUESTION_CHARS_MAX < FRAME_BYTES_MAX
assert ANSWER_CHARS_MAX * 4 + 1024 < FRAME_BYTES_MAX
assert QUESTION_CHARS_MAX * 4 + 1024 < FRAME_BYTES_MAX
assert REPLAY_BYTES_MAX < OUTBOX_BYTES_MAX  # a whole replay fits a fresh outbox
assert RENEW_SECONDS * RENEW_PARTS * 3 <= SLOT_LEASE_SECONDS
assert RENEW_SECONDS < RENEW_LATE_SECONDS < RENEW_SECONDS * 2 < INSTANCE_LEASE_SECONDS
assert AWAY_GRACE_SECONDS < AWAY_PAUSE_SECONDS < AWAY_CLOSE_SECONDS
assert AWAY_GRACE_SECONDS < PAUSED_PLACE_SECONDS < AWAY_CLOSE_SECONDS
assert max(RESUME_SECONDS, LIVE_SECONDS) <= AWAY_CLOSE_SECONDS  # nothing outlives what it is for
assert CLOSING_SECONDS_LEFT < GRANT_LOOK_SECONDS < MINUTES_MIN * 60
assert SEND_SECONDS < TCP_USER_TIMEOUT_MS / 1000 < STUCK_PEER_SECONDS
assert JOIN_SECONDS < SEAT_SECONDS
assert DRAIN_SPREAD_SECONDS + DRAIN_LOOK_SECONDS < DRAIN_SECONDS < SEAT_SECONDS
assert max(INSTANCE_LEASE_SECONDS, SLOT_LEASE_SECONDS, SEAT_SECONDS) < LEASE_SECONDS_MAX
assert RESUME_SECONDS < COPY_SECONDS <= INVITATION_SECONDS  # a link is what reads the copy
assert HEARTBEAT_SECONDS + PONG_SECONDS < SILENCE_SECONDS
assert PING_SECONDS + PING_ANSWER_SECONDS < SILENCE_SECONDS
assert INBOX_FRAMES_MAX < FRAMES_BURST < INBOX_EVENTS_MAX
assert WAITING_LOOK_SECONDS <= WAITING_TELL_SECONDS < WAITING_PRESENT_SECONDS
assert WAITING_REFRESH_SECONDS * 2 < WAITING_KEEP_SECONDS
assert WAITING_PRESENT_SECONDS < SEAT_SECONDS < WAITING_KEEP_SECONDS
assert MINUTES_MIN < MINUTES_DEFAULT < MINUTES_MAX
assert JOURNAL_ENTRIES_MAX > 2 * TURNS_MAX
assert JOURNAL_BYTES_MAX > TURNS_MAX * (ANSWER_CHARS_MAX + QUESTION_CHARS_MAX) * 4
assert SAVE_SECONDS < PONG_SECONDS  # an answer's fate is known before its page joins anew
assert MODEL_PIECE_SECONDS < MODEL_FIRST_PIECE_SECONDS < MODEL_QUESTION_SECONDS < QUESTION_SECONDS
assert MODEL_CONNECT_SECONDS < MODEL_FIRST_PIECE_SECONDS
assert MODEL_CONNECTIONS_MAX > HARD_CAP_SESSIONS
assert RESERVE_SECONDS < BORROW_SECONDS < LINE_SECONDS["live"] < MODEL_FIRST_PIECE_SECONDS
assert MODEL_EVALUATION_SECONDS < HOLD_SECONDS
assert WORK_LEAD_SECONDS < PLAN_SECONDS < HOLD_SECONDS
assert BATCH_CALL_SECONDS < BATCH_ROUND_SECONDS
assert BATCH_SECONDS < BATCH_LATE_SECONDS
assert 0 < BUCKET_FLOOR_PERCENT < min(percent for percent in BUCKET_WATERMARKS.values() if percent)
