-- Three calls of the demo, as callisto of schema 3 wrote them (sqlite3 .dump).
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE schema_migrations (
  version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at_ms BIGINT NOT NULL);
INSERT INTO schema_migrations VALUES(1,'001_calls',1796070346773);
INSERT INTO schema_migrations VALUES(2,'002_leads',1796070346773);
INSERT INTO schema_migrations VALUES(3,'003_settings',1796070346773);
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
INSERT INTO calls VALUES('c642eb2k3rywnuqkbo4wnf3wzsa','INBOUND','twilio','CA663e57423f9ee413dc88b455234f2559','appointment','0278ecfad12a3fe9e27734984d318e37','+15550106','+14155550100',NULL,'COMPLETED','CONFIRMED','INITIATED','ANSWERED','ANSWERED','COMPLETED','SIP 200','AGENT_ENDED','CONFIRMED','FLOW','{}','main',1796070350463,1796070350498,1796070363213);
INSERT INTO calls VALUES('cwgazgo7lcmjv6mq27neuva7tjy','OUTBOUND','twilio','CA9f58b1908ef0ea543090f00590dfc6ec','order-confirmation','0278ecfad12a3fe9e27734984d318e37','+14155550100','+15550101',NULL,'COMPLETED','DECLINED','INITIATED','DIALED','ANSWERED','COMPLETED','SIP 200','AGENT_ENDED','DECLINED','FLOW','{"address":"twelve Lake Road","customer_name":"Bruno","order_id":"4711"}','main',1796070352418,1796070356404,1796070364136);
INSERT INTO calls VALUES('ce6dm56e2wzd5mpska3ulhyfd5a','OUTBOUND','twilio','CA7652ac12478932581a974a3bebb6b626','order-confirmation','0278ecfad12a3fe9e27734984d318e37','+14155550100','+15550102',NULL,'FAILED','NO_ANSWER','INITIATED','DIALED','NOT_ANSWERED','BUSY','SIP 486',NULL,NULL,NULL,'{"address":"twelve Lake Road","customer_name":"Chloe","order_id":"4711"}','main',1796070354566,NULL,1796070355661);
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
CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  call_id TEXT NOT NULL,
  at_ms BIGINT NOT NULL,
  kind TEXT NOT NULL,
  data TEXT NOT NULL DEFAULT '{}'
);
INSERT INTO events VALUES(5,'c642eb2k3rywnuqkbo4wnf3wzsa',1796070350472,'platform','{"reason":"ANSWERED","status":"INITIATED"}');
INSERT INTO events VALUES(6,'c642eb2k3rywnuqkbo4wnf3wzsa',1796070350498,'leg.started','{"call":"CA663e57423f9ee413dc88b455234f2559","rate":8000,"stream":"MZ69763bee425126a268a33d6f1654e39a"}');
INSERT INTO events VALUES(17,'cwgazgo7lcmjv6mq27neuva7tjy',1796070353333,'dial.placed','{}');
INSERT INTO events VALUES(18,'cwgazgo7lcmjv6mq27neuva7tjy',1796070353333,'platform','{"reason":"DIALED","status":"INITIATED"}');
INSERT INTO events VALUES(19,'cwgazgo7lcmjv6mq27neuva7tjy',1796070353365,'carrier.initiated','{"sequence":0}');
INSERT INTO events VALUES(20,'cwgazgo7lcmjv6mq27neuva7tjy',1796070353415,'carrier.ringing','{"sequence":1}');
INSERT INTO events VALUES(21,'c642eb2k3rywnuqkbo4wnf3wzsa',1796070353799,'appointment.number','{"number":"4711"}');
INSERT INTO events VALUES(28,'ce6dm56e2wzd5mpska3ulhyfd5a',1796070355331,'dial.placed','{}');
INSERT INTO events VALUES(29,'ce6dm56e2wzd5mpska3ulhyfd5a',1796070355331,'platform','{"reason":"DIALED","status":"INITIATED"}');
INSERT INTO events VALUES(30,'ce6dm56e2wzd5mpska3ulhyfd5a',1796070355360,'carrier.initiated','{"sequence":0}');
INSERT INTO events VALUES(31,'ce6dm56e2wzd5mpska3ulhyfd5a',1796070355388,'carrier.ringing','{"sequence":1}');
INSERT INTO events VALUES(32,'ce6dm56e2wzd5mpska3ulhyfd5a',1796070355655,'carrier.busy','{"cause":"SIP 486","seconds":0,"sequence":2}');
INSERT INTO events VALUES(33,'ce6dm56e2wzd5mpska3ulhyfd5a',1796070355655,'provider','{"cause":"SIP 486","reason":"BUSY","status":"NOT_ANSWERED"}');
INSERT INTO events VALUES(35,'cwgazgo7lcmjv6mq27neuva7tjy',1796070356404,'carrier.in-progress','{"sequence":2}');
INSERT INTO events VALUES(37,'cwgazgo7lcmjv6mq27neuva7tjy',1796070356429,'leg.started','{"call":"CA9f58b1908ef0ea543090f00590dfc6ec","rate":8000,"stream":"MZf7111e28edfcfb099934ef1e5a57af21"}');
INSERT INTO events VALUES(38,'c642eb2k3rywnuqkbo4wnf3wzsa',1796070359229,'agent_outcome','{"source":"FLOW","word":"CONFIRMED"}');
INSERT INTO events VALUES(43,'cwgazgo7lcmjv6mq27neuva7tjy',1796070360245,'agent_outcome','{"source":"FLOW","word":"DECLINED"}');
INSERT INTO events VALUES(45,'c642eb2k3rywnuqkbo4wnf3wzsa',1796070363181,'session_end','{"reason":"AGENT_ENDED"}');
INSERT INTO events VALUES(46,'c642eb2k3rywnuqkbo4wnf3wzsa',1796070363211,'leg.ended','{"clears":0,"frames_out":257,"late_us":0,"lost_marks":0,"malformed":0,"message":"{\"event\":\"stop\",\"stop\":{\"accountSid\":\"AC00000000000000000000000000000001\",\"callSid\":\"CA663e57423f9ee413dc88b455234f2559\"},\"streamSid\":\"MZ69763bee425126a268a33d6f1654e39a\"}","messages_in":647,"milliseconds":12740,"overflow":0,"reason":"hangup","text":"the other side ended the stream","too_much":0,"underruns":1,"unplayed_ms":0}');
INSERT INTO events VALUES(47,'c642eb2k3rywnuqkbo4wnf3wzsa',1796070363211,'hangup.sent','{}');
INSERT INTO events VALUES(48,'c642eb2k3rywnuqkbo4wnf3wzsa',1796070363213,'carrier.completed','{"cause":"SIP 200","seconds":13,"sequence":1}');
INSERT INTO events VALUES(49,'c642eb2k3rywnuqkbo4wnf3wzsa',1796070363213,'provider','{"cause":"SIP 200","reason":"COMPLETED","status":"ANSWERED"}');
INSERT INTO events VALUES(51,'cwgazgo7lcmjv6mq27neuva7tjy',1796070364119,'session_end','{"reason":"AGENT_ENDED"}');
INSERT INTO events VALUES(52,'cwgazgo7lcmjv6mq27neuva7tjy',1796070364135,'leg.ended','{"clears":0,"frames_out":287,"late_us":0,"lost_marks":0,"malformed":0,"message":"{\"event\":\"stop\",\"stop\":{\"accountSid\":\"AC00000000000000000000000000000001\",\"callSid\":\"CA9f58b1908ef0ea543090f00590dfc6ec\"},\"streamSid\":\"MZf7111e28edfcfb099934ef1e5a57af21\"}","messages_in":393,"milliseconds":7737,"overflow":0,"reason":"hangup","text":"the other side ended the stream","too_much":0,"underruns":0,"unplayed_ms":0}');
INSERT INTO events VALUES(53,'cwgazgo7lcmjv6mq27neuva7tjy',1796070364135,'hangup.sent','{}');
INSERT INTO events VALUES(54,'cwgazgo7lcmjv6mq27neuva7tjy',1796070364136,'carrier.completed','{"cause":"SIP 200","seconds":8,"sequence":3}');
INSERT INTO events VALUES(55,'cwgazgo7lcmjv6mq27neuva7tjy',1796070364136,'provider','{"cause":"SIP 200","reason":"COMPLETED","status":"ANSWERED"}');
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
INSERT INTO transcript VALUES('c642eb2k3rywnuqkbo4wnf3wzsa',1,1796070353799,'caller','Pressed 4711',NULL,0);
INSERT INTO transcript VALUES('c642eb2k3rywnuqkbo4wnf3wzsa',2,1796070355872,'agent','Good day. This is the practice of doctor Brown.','Good day. This is the practice of doctor Brown.',0);
INSERT INTO transcript VALUES('c642eb2k3rywnuqkbo4wnf3wzsa',3,1796070359229,'caller','confirm it',NULL,0);
INSERT INTO transcript VALUES('c642eb2k3rywnuqkbo4wnf3wzsa',4,1796070359237,'agent','Do you want to confirm, move or cancel your appointment?','',1);
INSERT INTO transcript VALUES('cwgazgo7lcmjv6mq27neuva7tjy',1,1796070359422,'agent','Hello Bruno, this is Blue Shop about your order.','Hello Bruno, this is Blue Shop about your order.',0);
INSERT INTO transcript VALUES('c642eb2k3rywnuqkbo4wnf3wzsa',5,1796070360221,'caller','Pressed 1',NULL,0);
INSERT INTO transcript VALUES('cwgazgo7lcmjv6mq27neuva7tjy',2,1796070360245,'caller','Pressed 2',NULL,0);
INSERT INTO transcript VALUES('c642eb2k3rywnuqkbo4wnf3wzsa',6,1796070363181,'agent','It is confirmed. Goodbye.','It is confirmed. Goodbye.',0);
INSERT INTO transcript VALUES('cwgazgo7lcmjv6mq27neuva7tjy',3,1796070364119,'agent','Understood, we will not send it. Goodbye.','Understood, we will not send it. Goodbye.',0);
CREATE TABLE recordings (
  path TEXT PRIMARY KEY,
  call_id TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'RECORDING' CHECK (state IN ('RECORDING', 'COMPLETE', 'INCOMPLETE')),
  samples BIGINT NOT NULL DEFAULT 0,
  bytes BIGINT NOT NULL DEFAULT 0,
  started_at_ms BIGINT NOT NULL,
  ended_at_ms BIGINT
);
INSERT INTO recordings VALUES('var/demo/server/recordings/c642eb2k3rywnuqkbo4wnf3wzsa.wav','c642eb2k3rywnuqkbo4wnf3wzsa','COMPLETE',101920,407680,1796070350481,1796070363214);
INSERT INTO recordings VALUES('var/demo/server/recordings/cwgazgo7lcmjv6mq27neuva7tjy.wav','cwgazgo7lcmjv6mq27neuva7tjy','COMPLETE',61920,247680,1796070356398,1796070364162);
CREATE TABLE leads (
  id TEXT PRIMARY KEY,
  request_id TEXT,
  parent_lead_id TEXT,
  template TEXT NOT NULL,
  to_number TEXT NOT NULL,
  from_number TEXT,
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
CREATE TABLE settings (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  updated_at_ms BIGINT NOT NULL
);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('events',67);
CREATE INDEX calls_in_progress ON calls (node) WHERE state = 'IN_PROGRESS';
CREATE INDEX calls_by_time ON calls (created_at_ms);
CREATE INDEX calls_by_lead ON calls (lead_id) WHERE lead_id IS NOT NULL;
CREATE INDEX legs_by_call ON legs (call_id);
CREATE INDEX legs_open ON legs (call_id) WHERE ended_at_ms IS NULL;
CREATE INDEX events_by_call ON events (call_id, seq);
CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events BEGIN
  SELECT RAISE(ABORT, 'events are append-only');
END;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events BEGIN
  SELECT RAISE(ABORT, 'events are append-only');
END;
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq) BEGIN
  SELECT RAISE(ABORT, 'events are append-only');
END;
CREATE INDEX recordings_by_call ON recordings (call_id);
CREATE INDEX recordings_open ON recordings (call_id) WHERE state = 'RECORDING';
CREATE INDEX leads_due ON leads (next_attempt_at_ms) WHERE status = 'BACKLOG';
CREATE INDEX leads_in_call ON leads (locked_at_ms) WHERE status = 'PROCESSING';
CREATE INDEX leads_by_request ON leads (request_id);
CREATE UNIQUE INDEX leads_by_call ON leads (call_id) WHERE call_id IS NOT NULL;
CREATE UNIQUE INDEX leads_by_parent ON leads (parent_lead_id, attempt) WHERE parent_lead_id IS NOT NULL;
COMMIT;
