-- A leg is the connection of one party of a call: begun when it is awaited, up when its sound can flow.
ALTER TABLE legs ADD COLUMN party BIGINT NOT NULL DEFAULT 1;
ALTER TABLE legs ADD COLUMN up_at_ms BIGINT;

-- Nothing has ever written these.
DROP TABLE leads;
DROP TABLE settings;
