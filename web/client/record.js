/**
 * The frames of the record, one by one. A frame of a type that is not here changes nothing but
 * the offset: a newer server may say more.
 */

function asked(kind, { emit }, current, piece = "") {
  const { turn, ask, text } = current;
  emit("question", { kind, turn, ask, text, piece });
}

/** One function for each frame of the record: what it changes and who is told. */
export const RECORD = {
  "question.started"(session, hands, { turn, ask }) {
    hands.record.current = { turn, ask, text: "", completed: false };
    asked("started", hands, hands.record.current);
  },
  "question.delta"(session, hands, { turn, ask, text }) {
    const { current } = hands.record;
    if (current?.turn !== turn || current.ask !== ask || current.completed) return;
    current.text += text;
    asked("delta", hands, current, text);
  },
  "question.reset"(session, hands, { turn, ask }) {
    hands.record.current = { turn, ask, text: "", completed: false };
    asked("reset", hands, hands.record.current);
  },
  "question.completed"(session, hands, { turn, ask, text, competency, seconds_left }) {
    hands.record.current = { turn, ask, text, completed: true, competency };
    hands.clock(seconds_left, !hands.record.paused);
    asked("completed", hands, hands.record.current);
    hands.ack();
    hands.flush();
  },
  "answer.accepted"(session, hands, frame) {
    hands.accepted(frame);
  },
  "session.paused"(session, hands, { reason }) {
    Object.assign(hands.record, { paused: true, paused_reason: reason });
    hands.clock(session.secondsLeft, false);
    hands.live();
  },
  "session.resumed"(session, hands, { seconds_left }) {
    hands.record.paused = false;
    hands.clock(seconds_left, true);
    hands.live();
  },
  "time.granted"(session, hands, { seconds_left, minutes, minutes_total }) {
    hands.clock(seconds_left, session.running);
    hands.emit("granted", { minutes, minutes_total, seconds_left });
  },
  "engine.changed"(session, hands, { engine, reason }) {
    hands.record.engine = engine;
    hands.emit("engine", { engine, reason });
  },
  "session.finished"(session, hands, { reason }) {
    hands.finish(reason);
  },
};
