/* twilio: the wire of Twilio's media socket, from both ends (docs/carriers/twilio.md). */
#ifndef CAL_TESTS_WIRE_TWILIO_H
#define CAL_TESTS_WIRE_TWILIO_H

#include "wire/wire.h"

static inline cal_wire_spec twilio_app(void) { /* the app's side: Media Streams, two-way */
  cal_wire_spec s = {
      .name = "twilio", .encoding = CAL_PCMU, .rate_hz = 8000, .frame_ms = 20, .event_path = "event"};
  s.audio.event = "media";
  s.audio.payload = "media.payload";
  s.audio.when_path = "media.track";
  s.audio.when_text = "inbound";
  s.start.event = "start";
  s.start.stream = "start.streamSid";
  s.start.call = "start.callSid";
  s.start.encoding = "start.mediaFormat.encoding";
  s.start.encoding_text = "audio/x-mulaw";
  s.start.rate = "start.mediaFormat.sampleRate";
  s.mark.event = "mark";
  s.mark.name = "mark.name";
  s.dtmf.event = "dtmf";
  s.dtmf.digit = "dtmf.digit";
  s.stop.event = "stop";
  s.audio_out = "{\"event\":\"media\",\"streamSid\":\"$stream\",\"media\":{\"payload\":\"$audio\"}}";
  s.mark_out = "{\"event\":\"mark\",\"streamSid\":\"$stream\",\"mark\":{\"name\":\"$mark\"}}";
  s.clear_out = "{\"event\":\"clear\",\"streamSid\":\"$stream\"}";
  return s;
}

static inline cal_wire_spec twilio_carrier(void) { /* the same wire from the other end */
  cal_wire_spec s = {
      .name = "twilio-carrier", .encoding = CAL_PCMU, .rate_hz = 8000, .frame_ms = 20, .event_path = "event"};
  s.audio.event = "media";
  s.audio.payload = "media.payload";
  s.mark.event = "mark";
  s.mark.name = "mark.name";
  s.clear.event = "clear";
  s.audio_out = "{\"event\":\"media\",\"sequenceNumber\":\"$seq\",\"streamSid\":\"$stream\",\"media\":{"
                "\"track\":\"inbound\","
                "\"chunk\":\"$chunk\",\"timestamp\":\"$ms\",\"payload\":\"$audio\"}}";
  s.mark_out = "{\"event\":\"mark\",\"sequenceNumber\":\"$seq\",\"streamSid\":\"$stream\",\"mark\":{\"name\":"
               "\"$mark\"}}";
  s.dtmf_out =
      "{\"event\":\"dtmf\",\"sequenceNumber\":\"$seq\",\"streamSid\":\"$stream\",\"dtmf\":{\"track\":"
      "\"inbound_track\",\"digit\":\"$digit\"}}";
  s.stop_out = "{\"event\":\"stop\",\"sequenceNumber\":\"$seq\",\"streamSid\":\"$stream\",\"stop\":{"
               "\"callSid\":\"$call\"}}";
  return s;
}

#endif
