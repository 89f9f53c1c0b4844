/* numbered: a protocol whose text messages are numbered and answered, with audio in binary messages, from
 * both ends. It is Genesys AudioHook's (docs/carriers/genesys.md). */
#ifndef CAL_TESTS_WIRE_NUMBERED_H
#define CAL_TESTS_WIRE_NUMBERED_H

#include "wire/wire.h"

#define SERVER(type, parameters)                                                                             \
  "{\"version\":\"2\",\"id\":\"$stream\",\"type\":\"" type "\",\"seq\":$seq,\"clientseq\":$peer_seq,"        \
  "\"parameters\":" parameters "}"
#define CLIENT(type, parameters)                                                                             \
  "{\"version\":\"2\",\"id\":\"$stream\",\"type\":\"" type "\",\"seq\":$seq,\"serverseq\":$peer_seq,"        \
  "\"position\":\"$position\",\"parameters\":" parameters "}"
#define PCMU_MEDIA "[{\"type\":\"audio\",\"format\":\"PCMU\",\"channels\":[\"external\"],\"rate\":8000}]"

static inline cal_wire_spec numbered_server(void) {
  cal_wire_spec s = {.name = "genesys",
                     .encoding = CAL_PCMU,
                     .rate_hz = 8000,
                     .frame_ms = 200,
                     .is_binary_in = 1,
                     .is_binary_out = 1,
                     .event_path = "type",
                     .sequence_path = "seq",
                     .acknowledged_path = "serverseq",
                     .stream_path = "id",
                     .is_closed_by_peer = 1};
  s.start.event = "open";
  s.start.stream = s.start.call = "id";
  s.mark.event = "playback_completed";
  s.dtmf.event = "dtmf";
  s.dtmf.digit = "parameters.digit";
  s.stop.event = "close";
  s.pause.event = "paused";
  s.resume.event = "resumed";
  s.error.event = "error";
  s.error.code = "parameters.code";
  s.error.text = "parameters.message";
  s.error.retry_after = "parameters.retryAfter";
  s.clear_out = SERVER("event", "{\"entities\":[{\"type\":\"barge_in\",\"data\":{}}]}");
  s.bye_out = SERVER("disconnect", "$bye");
  s.replies[0].event = "open";
  s.replies[0].text = SERVER("opened", "{\"startPaused\":false,\"media\":" PCMU_MEDIA "}");
  s.replies[1].event = "ping";
  s.replies[1].text = SERVER("pong", "{}");
  s.replies[2].event = "close";
  s.replies[2].text = SERVER("closed", "{}");
  s.reply_count = 3;
  return s;
}

static inline cal_wire_spec numbered_client(void) {
  cal_wire_spec s = {.name = "genesys-client",
                     .encoding = CAL_PCMU,
                     .rate_hz = 8000,
                     .frame_ms = 20,
                     .is_binary_in = 1,
                     .is_binary_out = 1,
                     .event_path = "type",
                     .sequence_path = "seq",
                     .acknowledged_path = "clientseq"};
  s.start.event = "opened";
  s.start.stream = "id";
  s.clear.event = "event";
  s.clear.when_path = "parameters.entities.0.type";
  s.clear.when_text = "barge_in";
  s.stop.event = "closed";
  s.dtmf_out = CLIENT("dtmf", "{\"digit\":\"$digit\"}");
  s.playing_out = CLIENT("playback_started", "{}");
  s.played_out = CLIENT("playback_completed", "{}");
  s.bye_out = CLIENT("close", "$bye");
  s.replies[0].event = "disconnect";
  s.replies[0].text = CLIENT("close", "{\"reason\":\"disconnect\"}");
  s.replies[0].ends = 1;
  s.reply_count = 1;
  s.limit.per_second = 10;
  s.limit.burst = 20;
  s.limit.text = CLIENT("error", "{\"code\":429,\"message\":\"too many messages\",\"retryAfter\":\"PT1S\"}");
  return s;
}

#endif
