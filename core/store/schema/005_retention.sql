-- A call is deleted whole: its row takes the others with it. While it is there, its events stay.
-- engine: sqlite, from here …
DROP TRIGGER events_are_not_deleted;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
WHEN EXISTS (SELECT 1 FROM calls WHERE id = OLD.call_id) BEGIN
  SELECT RAISE(ABORT, 'events are append-only');
END;
CREATE TRIGGER calls_take_their_rows AFTER DELETE ON calls BEGIN
  DELETE FROM legs WHERE call_id = OLD.id;
  DELETE FROM transcript WHERE call_id = OLD.id;
  DELETE FROM recordings WHERE call_id = OLD.id;
  DELETE FROM events WHERE call_id = OLD.id;
END;
-- … to here
CREATE INDEX calls_by_end ON calls (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
CREATE INDEX recordings_by_end ON recordings (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
