/* kit: what the tests of this module share: an io on a simulated clock, with a script plane that only writes
 * down what it is told; a carrier played by hand on the other half of a pair; speech made of arithmetic. */
#ifndef CAL_TESTS_IO_KIT_H
#define CAL_TESTS_IO_KIT_H

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "data/json_value.h"
#include "io/party.h"
#include "io/io.h"
#include "net/ws.h"
#include "wire/twilio.h"

enum { RATE = 8000, FRAME = 160, MOST_EVENTS = 8192, MOST_HEARD = 60 * RATE };

/* ---- wires */

static inline cal_wire *kit_wire(cal_wire_spec spec) {
  cal_wire *wire = NULL;
  if (cal_wire_compile(&wire, &spec)) fail_msg("no wire: %s", cal_error_text());
  return wire;
}

static const char kit_start[] =
    "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"streamSid\":\"MZ1\",\"start\":{\"streamSid\":\"MZ1\","
    "\"callSid\":\"CA1\","
    "\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000,\"channels\":1}}}";

/* ---- the script plane */

typedef struct seen_event {
  cal_event_kind kind;
  uint32_t utterance, flags;
  int32_t code;
  int64_t number;
  cal_id target, source;
  uint64_t at_ns;
  int status;
  char text[600];
} seen_event;

typedef struct kit {
  cal_clock *clock;
  cal_loop *loop;
  cal_tokens *tokens;
  cal_holders *holders;
  cal_prefixes *prefixes;
  cal_io *io;
  cal_mailbox *events;
  cal_wire *wire, *carrier_wire;
  seen_event *seen;
  uint32_t count;
  /* the hooks */
  uint8_t *file;
  size_t file_bytes, file_room, blocks;
  size_t odd_blocks; /* whose size is not a multiple of 4 */
  int files_open, files_ever, refuse_file;
  uint64_t file_samples;
  uint32_t speeches, speech_samples;
  uint32_t requests, responses;
  cal_id request;
  char request_line[256];
  int request_status; /* what on_request says */
  uint32_t sockets;   /* that came before their call */
  cal_id socket;
  cal_lobby_asks socket_asks;
  uint32_t proofs; /* that were asked for; each is given at once … */
  cal_id unproven; /* … unless it is kept for the test to give */
  int keeps_unproven;
  int socket_status;      /* what on_socket says */
  int has_no_time;        /* for a socket that comes first */
  char socket_about[600]; /* path?query and the first texts, each after a bar */
  int response_code, response_status, response_was_sent;
  cal_id response_to;
  char response_body[256];
} kit;

static inline void kit_on_event(void *context, void *message) {
  kit *k = context;
  cal_event *event = message;
  if (k->count < MOST_EVENTS) {
    seen_event *s = &k->seen[k->count++];
    *s = (seen_event){.kind = event->kind,
                      .utterance = event->utterance,
                      .flags = event->flags,
                      .code = event->code,
                      .number = event->number,
                      .target = event->target,
                      .source = event->source,
                      .at_ns = cal_loop_now_ns(k->loop)};
    cal_buf json;
    cal_buf_init(&json, sizeof s->text - 1);
    if (event->value) cal_json_value(&json, event->value);
    snprintf(s->text, sizeof s->text, "%s", event->text ? event->text : json.bytes ? json.data : "");
    cal_buf_free(&json);
  }
  cal_event_drop(event);
}

static inline void kit_drop_event(void *context, void *message) { cal_event_drop(message); }

static inline int kit_on_request(void *context, cal_io *io, cal_id request, cal_http_message *message) {
  kit *k = context;
  k->requests++;
  k->request = request;
  snprintf(k->request_line, sizeof k->request_line, "%s %s?%s %s", message->method, message->path,
           message->query, message->body ? message->body : "");
  cal_http_message_free(message);
  return k->request_status;
}

static inline void kit_prove(kit *k, cal_id socket, int is_proven) {
  cal_mailbox_post(cal_io_commands(k->io),
                   &(cal_command){.kind = CAL_COMMAND_SOCKET_PROVEN,
                                  .target = socket,
                                  .flags = is_proven ? CAL_COMMAND_ON : 0},
                   CAL_MAIL_CONTROL);
}

static inline int kit_on_socket(void *context, cal_id socket, cal_lobby_asks asks,
                                cal_http_message *message) {
  kit *k = context;
  if (asks == CAL_LOBBY_PROOF) {
    k->proofs++;
    k->unproven = socket;
    cal_http_message_free(message);
    if (!k->keeps_unproven) kit_prove(k, socket, 1);
    return 0;
  }
  k->sockets++;
  k->socket = socket;
  k->socket_asks = asks;
  int bytes = snprintf(k->socket_about, sizeof k->socket_about, "%s?%s", message->path, message->query);
  for (size_t at = 0; at < message->body_bytes; at += strlen(message->body + at) + 1)
    bytes +=
        snprintf(k->socket_about + bytes, sizeof k->socket_about - (size_t)bytes, "|%s", message->body + at);
  cal_http_message_free(message);
  return k->socket_status;
}

static inline int kit_has_time(void *context) { return !((kit *)context)->has_no_time; }

static inline void kit_on_response(void *context, cal_id fetch, cal_http_message *message, int code,
                                   const char *text, int was_sent) {
  kit *k = context;
  k->responses++;
  k->response_to = fetch;
  k->response_code = code;
  k->response_was_sent = was_sent;
  k->response_status = message ? message->status : 0;
  snprintf(k->response_body, sizeof k->response_body, "%s", message && message->body ? message->body : "");
  cal_http_message_free(message);
}

static inline int kit_hear(void *self, cal_clip *piece, cal_grammar *grammar, cal_on_heard on_heard,
                           void *context) {
  kit *k = self;
  k->speeches++;
  k->speech_samples += piece->samples;
  on_heard(context, NULL, -ECANCELED);
  return 0;
}

static inline void *kit_recording_open(void *context, const char *path, const char *call) {
  kit *k = context;
  k->files_ever++;
  if (k->refuse_file) return NULL;
  k->files_open++;
  k->file_bytes = 0;
  return k;
}

static inline void kit_recording_write(void *context, void *file, uint8_t *block, size_t bytes) {
  kit *k = file;
  if (k->file_bytes + bytes > k->file_room)
    k->file = cal_resize(k->file, k->file_room = (k->file_bytes + bytes) * 2);
  memcpy(k->file + k->file_bytes, block, bytes);
  k->file_bytes += bytes;
  k->blocks++;
  k->odd_blocks += bytes % 4 != 0;
  cal_free(block);
}

static inline void kit_recording_close(void *context, void *file, const uint8_t *head, size_t bytes,
                                       uint64_t samples) {
  kit *k = file;
  assert_true(bytes <= k->file_bytes);
  memcpy(k->file, head, bytes);
  k->file_samples = samples;
  k->files_open--;
}

static inline cal_io_hooks kit_hooks(kit *k) {
  static const cal_ear_ops ear = {.hear = kit_hear};
  return (cal_io_hooks){.context = k,
                        .on_request = kit_on_request,
                        .on_socket = kit_on_socket,
                        .has_time = kit_has_time,
                        .on_response = kit_on_response,
                        .ear = {&ear, k},
                        .recordings = {.context = k,
                                       .open = kit_recording_open,
                                       .write = kit_recording_write,
                                       .close = kit_recording_close}};
}

/* ---- life */

static inline void kit_open_on(kit *k, cal_clock *clock, uint32_t legs_ceiling, uint32_t events) {
  *k = (kit){.clock = clock};
  cal_log_setup(CAL_LOG_ERROR, 0);
  k->seen = calloc(MOST_EVENTS, sizeof *k->seen);
  assert_int_equal(cal_loop_new(&k->loop, clock), 0);
  k->tokens = cal_tokens_new(100);
  k->holders = cal_holders_new();
  k->prefixes = cal_prefixes_new(k->holders);
  assert_int_equal(cal_mailbox_new(&k->events, k->loop,
                                   &(cal_mailbox_options){.name = "test",
                                                          .message_bytes = sizeof(cal_event),
                                                          .capacity = events,
                                                          .deliver = kit_on_event,
                                                          .drop = kit_drop_event,
                                                          .context = k}),
                   0);
  if (cal_io_new(&k->io, &(cal_io_options){.index = 1,
                                           .loop = k->loop,
                                           .tokens = k->tokens,
                                           .prefixes = k->prefixes,
                                           .hooks = kit_hooks(k),
                                           .legs_ceiling = legs_ceiling}))
    fail_msg("no io: %s", cal_error_text());
  k->wire = kit_wire(twilio_app());
  k->carrier_wire = kit_wire(twilio_carrier());
}

static inline void kit_open(kit *k) {
  kit_open_on(k, cal_clock_simulated(1000 * CAL_S, 1700000000000), 100, 4096);
}

static inline void kit_run_ms(kit *k, uint64_t ms) {
  cal_loop_advance(k->loop, cal_loop_now_ns(k->loop) + ms * CAL_MS);
}

static inline void kit_close(kit *k) {
  k->io = cal_io_free(k->io);
  k->events = cal_mailbox_close(k->events);
  cal_tokens_free(k->tokens);
  cal_prefixes_free(k->prefixes);
  cal_holders_free(k->holders);
  cal_unref(k->wire);
  cal_unref(k->carrier_wire);
  assert_int_equal(cal_loop_timers(k->loop), 0);
  assert_int_equal(cal_loop_free(k->loop), 0);
  cal_clock_free(k->clock);
  assert_int_equal(k->files_open, 0);
  cal_free(k->file);
  free(k->seen);
}

static inline uint32_t kit_legs(kit *k) { return cal_legs_count(cal_io_legs(k->io)); }

/* The `nth` (from 0) event of that kind, or NULL. */
static inline seen_event *kit_event(kit *k, cal_event_kind kind, uint32_t nth) {
  for (uint32_t i = 0; i < k->count; i++)
    if (k->seen[i].kind == kind && nth-- == 0) return &k->seen[i];
  return NULL;
}

static inline uint32_t kit_events(kit *k, cal_event_kind kind) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < k->count; i++) count += k->seen[i].kind == kind;
  return count;
}

/* How the utterance ended, or NULL. */
static inline seen_event *kit_ended(kit *k, uint32_t utterance) {
  for (uint32_t i = 0; i < k->count; i++)
    if (k->seen[i].kind == CAL_EVENT_UTTERANCE_ENDED && k->seen[i].utterance == utterance) return &k->seen[i];
  return NULL;
}

static inline cal_party *kit_call(kit *k, cal_party_options options) {
  if (!options.name) options.name = "call-1";
  if (!options.wire) options.wire = options.role == CAL_ROLE_CARRIER ? k->carrier_wire : k->wire;
  if (!options.handle) options.handle = 77;
  options.events = k->events;
  return cal_party_new(&options);
}

/* ---- commands */

static inline int kit_declare(cal_party *call, uint32_t utterance, uint32_t flags) {
  return cal_party_command(
      call, &(cal_command){.kind = CAL_COMMAND_LEG_UTTERANCE, .utterance = utterance, .flags = flags});
}

static inline int kit_audio(cal_party *call, uint32_t utterance, cal_clip *clip, uint32_t flags) {
  return cal_party_command(
      call,
      &(cal_command){.kind = CAL_COMMAND_LEG_AUDIO, .utterance = utterance, .clip = clip, .flags = flags});
}

static inline int kit_say(cal_party *call, uint32_t utterance, cal_clip *clip, uint32_t flags) {
  kit_declare(call, utterance, flags);
  return kit_audio(call, utterance, clip, CAL_COMMAND_LAST);
}

static inline int kit_end(cal_party *call, uint32_t flags) {
  return cal_party_command(call, &(cal_command){.kind = CAL_COMMAND_LEG_CLOSE, .flags = flags, .code = 1000});
}

/* ---- sound */

/* A buzz with syllables: harmonics of 120 Hz under a moving formant, four swells a second. */
static inline void kit_speech(int16_t *out, size_t samples) {
  for (size_t i = 0; i < samples; i++) {
    double t = (double)i / RATE, sum = 0, formant = 600 + 300 * sin(6.283 * 1.3 * t);
    for (int n = 1; n < 25; n++)
      sum += sin(6.283185307 * 120 * n * t) * exp(-pow((120 * n - formant) / 250, 2));
    out[i] = (int16_t)(6000 * sum * (0.55 - 0.45 * cos(6.283 * 4 * t)) / 2.5);
  }
}

/* No two samples near each other alike, so that a shift by one is noticed; never silent. */
static inline cal_clip *kit_clip(uint32_t ms, const char *text, uint32_t words) {
  cal_clip *clip = cal_clip_new(RATE, ms * RATE / 1000, text, words);
  for (uint32_t i = 0; i < clip->samples; i++) clip->data[i] = (int16_t)(500 + (i * 7919u) % 12000);
  return clip;
}

static inline int16_t kit_mulaw(int16_t sample) {
  uint8_t byte;
  cal_encode(CAL_PCMU, &sample, 1, &byte);
  cal_decode(CAL_PCMU, &byte, 1, &sample);
  return sample;
}

/* ---- the carrier, played by hand */

enum { MOST_SAID = 4096 };

typedef struct said {
  cal_wire_kind kind;
  uint64_t at_ns;
  char name[32];
  size_t heard_before; /* samples received when it came */
} said;

typedef struct peer {
  kit *k;
  cal_party *call;
  cal_leg *leg;
  cal_ws *ws;
  cal_wire_state state;
  int is_open, is_closed, close_code;
  int16_t *heard;
  size_t heard_count;
  said *said;
  uint32_t said_count;
  int echoes; /* gives marks back as they come */
  char last_text[512];
} peer;

static inline void peer_send(peer *p, const char *text) {
  cal_ws_send_copy(p->ws, text, strlen(text), CAL_WS_TEXT);
}

static inline void peer_on_open(void *context, cal_ws *ws) { ((peer *)context)->is_open = 1; }

static inline void peer_on_close(void *context, const cal_ws_end *end) {
  peer *p = context;
  p->is_closed = 1;
  p->ws = NULL;
  p->close_code = end->code;
}

static inline void peer_mark(peer *p, const char *name) {
  char out[512];
  ssize_t bytes = cal_wire_write_mark(p->k->carrier_wire, &p->state, name, out, sizeof out);
  assert_true(bytes > 0);
  cal_ws_send_copy(p->ws, out, (size_t)bytes, CAL_WS_TEXT);
}

static inline void peer_on_message(void *context, char *data, size_t bytes, int is_binary) {
  peer *p = context;
  int16_t samples[4096];
  cal_wire_event event;
  snprintf(p->last_text, sizeof p->last_text, "%.*s", (int)bytes, data);
  cal_wire_kind kind =
      cal_wire_read(p->k->carrier_wire, &p->state, data, bytes, is_binary, &event, samples, 4096);
  assert_true(p->said_count < MOST_SAID);
  said *s = &p->said[p->said_count++];
  *s = (said){.kind = kind, .at_ns = cal_loop_now_ns(p->k->loop), .heard_before = p->heard_count};
  snprintf(s->name, sizeof s->name, "%.31s", event.name);
  if (kind == CAL_WIRE_AUDIO && p->heard_count + event.samples <= MOST_HEARD) {
    memcpy(p->heard + p->heard_count, samples, event.samples * sizeof *samples);
    p->heard_count += event.samples;
  }
  if (kind == CAL_WIRE_MARK && p->echoes && p->ws) peer_mark(p, event.name);
}

static inline cal_ws_handlers peer_handlers(peer *p) {
  return (cal_ws_handlers){
      .context = p, .on_open = peer_on_open, .on_message = peer_on_message, .on_close = peer_on_close};
}

/* A leg on one half of a pair, this peer on the other. The peer keeps one reference of the call. */
static inline void peer_join_through(peer *p, kit *k, cal_party *call, cal_ws_pair_options options) {
  *p = (peer){.k = k, .call = call};
  p->heard = calloc(MOST_HEARD, sizeof *p->heard);
  p->said = calloc(MOST_SAID, sizeof *p->said);
  cal_wire_state_init(&p->state);
  cal_wire_state_set(&p->state, "MZ1", "CA1");
  options.b = peer_handlers(p);
  p->leg = cal_legs_accept(cal_io_legs(k->io), cal_ref(call), &options.a);
  assert_non_null(p->leg);
  cal_ws *ours;
  assert_int_equal(cal_ws_pair_new(&ours, &p->ws, k->loop, &options), 0);
}

static inline void peer_join(peer *p, kit *k, cal_party *call, uint32_t latency_ms) {
  peer_join_through(p, k, call, (cal_ws_pair_options){.latency_ms = latency_ms});
}

/* Joined and started. */
static inline void peer_start(peer *p, kit *k, cal_party *call) {
  peer_join(p, k, call, 0);
  kit_run_ms(k, 1);
  peer_send(p, kit_start);
  kit_run_ms(k, 0);
}

static inline void peer_leave(peer *p) {
  if (p->ws) cal_ws_close(p->ws, 1000, "");
  kit_run_ms(p->k, 5000);
  assert_true(p->is_closed);
  cal_unref(p->call);
  free(p->heard);
  free(p->said);
}

static inline void peer_audio(peer *p, const int16_t *samples, size_t count) {
  char *out = malloc(cal_wire_audio_room(p->k->carrier_wire, count));
  ssize_t bytes = cal_wire_write_audio(p->k->carrier_wire, &p->state, samples, count, out,
                                       cal_wire_audio_room(p->k->carrier_wire, count));
  assert_true(bytes > 0);
  cal_ws_send_copy(p->ws, out, (size_t)bytes,
                   cal_wire_is_binary_out(p->k->carrier_wire) ? CAL_WS_BINARY : CAL_WS_TEXT);
  free(out);
}

/* In real time, a frame every 20 ms. */
static inline void peer_speaks(peer *p, const int16_t *samples, size_t count) {
  for (size_t at = 0; at + FRAME <= count && p->ws; at += FRAME) {
    peer_audio(p, samples + at, FRAME);
    kit_run_ms(p->k, 20);
  }
}

static inline void peer_is_silent(peer *p, uint32_t ms) {
  static const int16_t silence[FRAME];
  for (uint32_t i = 0; i < ms / 20; i++) peer_speaks(p, silence, FRAME);
}

static inline said *peer_said(peer *p, cal_wire_kind kind, uint32_t nth) {
  for (uint32_t i = 0; i < p->said_count; i++)
    if (p->said[i].kind == kind && nth-- == 0) return &p->said[i];
  return NULL;
}

#endif
