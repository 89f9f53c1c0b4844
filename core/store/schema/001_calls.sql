-- A call and what happened in it. Times are UTC milliseconds, ids are text, payloads are JSON text.

CREATE TABLE calls (
  id TEXT PRIMARY KEY,
  direction TEXT NOT NULL CHECK (direction IN ('INBOUND', 'OUTBOUND')),
  carrier TEXT NOT NULL,
  carrier_call_id TEXT,
  template TEXT,
  generation TEXT,
  from_number TEXT,
  to_number TEXT,
  lead_id TEXT,
  state TEXT NOT NULL DEFAULT 'IN_PROGRESS' CHECK (state IN ('IN_PROGRESS', 'COMPLETED', 'FAILED')),
  outcome TEXT,
  -- The facts the outcome is computed from; each is written by the part that knows it.
  platform_status TEXT,
  platform_reason TEXT,
  provider_status TEXT,
  provider_reason TEXT,
  provider_hangup_cause TEXT,
  session_end_reason TEXT,
  agent_outcome TEXT,
  agent_outcome_source TEXT,
  payload TEXT NOT NULL DEFAULT '{}',
  node TEXT NOT NULL DEFAULT '',
  created_at_ms BIGINT NOT NULL,
  answered_at_ms BIGINT,
  ended_at_ms BIGINT,
  UNIQUE (carrier, carrier_call_id)
);
CREATE INDEX calls_in_progress ON calls (node) WHERE state = 'IN_PROGRESS';
CREATE INDEX calls_by_time ON calls (created_at_ms);
CREATE INDEX calls_by_lead ON calls (lead_id) WHERE lead_id IS NOT NULL;

CREATE TABLE legs (
  id TEXT PRIMARY KEY,
  call_id TEXT NOT NULL,
  role TEXT NOT NULL,
  carrier TEXT,
  stream_id TEXT,
  started_at_ms BIGINT NOT NULL,
  ended_at_ms BIGINT,
  end_reason TEXT,
  frames_in BIGINT NOT NULL DEFAULT 0,
  frames_out BIGINT NOT NULL DEFAULT 0,
  underruns BIGINT NOT NULL DEFAULT 0,
  malformed BIGINT NOT NULL DEFAULT 0,
  late_max_us BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX legs_by_call ON legs (call_id);
CREATE INDEX legs_open ON legs (call_id) WHERE ended_at_ms IS NULL;

CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- engine: sqlite
  call_id TEXT NOT NULL,
  at_ms BIGINT NOT NULL,
  kind TEXT NOT NULL,
  data TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX events_by_call ON events (call_id, seq);
-- engine: sqlite, from here …
CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events BEGIN
  SELECT RAISE(ABORT, 'events are append-only');
END;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events BEGIN
  SELECT RAISE(ABORT, 'events are append-only');
END;
-- REPLACE deletes without the trigger above, so a number that is taken is refused before it comes to that.
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq) BEGIN
  SELECT RAISE(ABORT, 'events are append-only');
END;
-- … to here

CREATE TABLE transcript (
  call_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  who TEXT NOT NULL CHECK (who IN ('agent', 'caller', 'system')),
  text TEXT NOT NULL,
  heard_text TEXT,
  interrupted BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (call_id, seq)
);

CREATE TABLE recordings (
  path TEXT PRIMARY KEY,
  call_id TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'RECORDING' CHECK (state IN ('RECORDING', 'COMPLETE', 'INCOMPLETE')),
  samples BIGINT NOT NULL DEFAULT 0,
  bytes BIGINT NOT NULL DEFAULT 0,
  started_at_ms BIGINT NOT NULL,
  ended_at_ms BIGINT
);
CREATE INDEX recordings_by_call ON recordings (call_id);
CREATE INDEX recordings_open ON recordings (call_id) WHERE state = 'RECORDING';
