-- Attempts to reach people.

CREATE TABLE leads (
  id TEXT PRIMARY KEY,
  request_id TEXT,
  parent_lead_id TEXT,
  template TEXT NOT NULL,
  to_number TEXT NOT NULL,
  from_number TEXT, -- stamped when dialling; the line is given back to this one
  carrier TEXT,
  payload TEXT NOT NULL DEFAULT '{}',
  metadata TEXT NOT NULL DEFAULT '{}',
  status TEXT NOT NULL DEFAULT 'BACKLOG' CHECK (status IN ('BACKLOG', 'PROCESSING', 'FINISHED')),
  outcome TEXT,
  reason TEXT,
  attempt BIGINT NOT NULL DEFAULT 0,
  rank BIGINT NOT NULL DEFAULT 50 CHECK (rank BETWEEN 1 AND 99),
  call_id TEXT,
  next_attempt_at_ms BIGINT NOT NULL,
  locked_by TEXT,
  locked_at_ms BIGINT,
  dispatched_at_ms BIGINT,
  finished_at_ms BIGINT,
  created_at_ms BIGINT NOT NULL,
  updated_at_ms BIGINT NOT NULL
);
CREATE INDEX leads_due ON leads (next_attempt_at_ms) WHERE status = 'BACKLOG';
CREATE INDEX leads_in_call ON leads (locked_at_ms) WHERE status = 'PROCESSING';
CREATE INDEX leads_by_request ON leads (request_id);
CREATE UNIQUE INDEX leads_by_call ON leads (call_id) WHERE call_id IS NOT NULL;
-- The retry of an attempt exists once, however often the carrier repeats its last word.
CREATE UNIQUE INDEX leads_by_parent ON leads (parent_lead_id, attempt) WHERE parent_lead_id IS NOT NULL;
