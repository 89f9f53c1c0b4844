#include "load/media.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/frame.h"

#define HEAD_BYTES 160 /* of a message, where it says what it is */

/* ---- sending */

static void transmit(load_line *line, char *payload, size_t bytes, int opcode) {
  static uint32_t key = 0x9e3779b9;
  size_t frame_bytes;
  char *frame = load_frame_write(payload, bytes, opcode, key += 0x9e3779b9, &frame_bytes);
  if (!load_stream_send(&line->stream, frame, frame_bytes)) return;
  load_run_complain(line->run, "send: %s", errno == EAGAIN ? "the service does not read" : strerror(errno));
  line->run->counts.malformed++;
}

/* One of the wire's text messages, numbered. */
static void say(load_line *line, const char *text, const char *mark) {
  char message[LOAD_FRAME_PAD + 2048];
  line->sequence++;
  load_values values = load_line_values(line);
  values.mark = mark;
  size_t bytes = load_write(message + LOAD_FRAME_PAD, sizeof message - LOAD_FRAME_PAD, text, &values);
  transmit(line, message + LOAD_FRAME_PAD, bytes, LOAD_TEXT);
}

static size_t write_audio(load_line *line, char *into, size_t room) {
  const load_wire *wire = line->run->options.wire;
  size_t bytes;
  const char *sound = load_sound(line->chunk++, &bytes);
  if (wire->format.is_binary) {
    memcpy(into, sound, bytes);
    return bytes;
  }
  line->sequence++;
  load_values values = load_line_values(line);
  values.ms = (uint64_t)(line->chunk - 1) * wire->format.frame_ms;
  values.audio = sound;
  values.audio_bytes = bytes;
  return load_write(into, room, wire->audio, &values);
}

static void send_audio(load_line *line, uint64_t now_ns) {
  const load_format *format = &line->run->options.wire->format;
  char message[LOAD_FRAME_PAD + LOAD_MESSAGE_BYTES];
  size_t bytes = write_audio(line, message + LOAD_FRAME_PAD, LOAD_MESSAGE_BYTES);
  line->sent_ns = now_ns;
  transmit(line, message + LOAD_FRAME_PAD, bytes, format->is_binary ? LOAD_BINARY : LOAD_TEXT);
  line->run->counts.frames_sent += format->frame_ms / LOAD_TURN_MS;
}

void load_media_begin(load_line *line) {
  load_run *run = line->run;
  const load_wire *wire = run->options.wire;
  line->state = LOAD_UP;
  line->is_ready = run->options.mode == LOAD_ECHO || !wire->ready;
  if (line->agent->is_measured) run->up++;
  if (run->options.mode == LOAD_ECHO) return;
  line->started_ns = load_now_ns();
  for (int i = 0; i < 2 && wire->opening[i]; i++) {
    line->sequence = 0;
    say(line, wire->opening[i], NULL);
  }
}

static void give_marks_back(load_line *line, uint64_t now_ns) {
  const load_wire *wire = line->run->options.wire;
  char name[LOAD_MARK_BYTES];
  if (!wire->mark_in && line->is_playing && now_ns >= line->player.played_ns) {
    line->is_playing = 0;
    say(line, wire->mark, NULL);
  }
  while (load_player_due_mark(&line->player, now_ns, name)) say(line, wire->mark, name);
}

void load_media_turn(load_line *line, uint64_t now_ns) {
  uint32_t turns_of_message = line->run->options.wire->format.frame_ms / LOAD_TURN_MS;
  if (line->is_ready && line->turns++ % turns_of_message == 0) send_audio(line, now_ns);
  give_marks_back(line, now_ns);
}

void load_media_goodbye(load_line *line) {
  const load_options *options = &line->run->options;
  char close_frame[LOAD_FRAME_PAD + 2];
  if (options->mode != LOAD_ECHO && options->wire->stop) say(line, options->wire->stop, NULL);
  memcpy(close_frame + LOAD_FRAME_PAD, "\x03\xe8", 2);
  transmit(line, close_frame + LOAD_FRAME_PAD, 2, LOAD_CLOSE);
}

/* ---- receiving */

static load_stats *lateness_of(load_line *line) {
  load_run *run = line->run;
  int is_wanted = run->phase == LOAD_MEASURING && line->agent->is_measured && run->options.mode == LOAD_HELD;
  return is_wanted ? &run->late : NULL;
}

/* Near the beginning of a message: what it is. */
static int is(const char *text, size_t bytes, const char *mark) {
  return mark && memmem(text, bytes < HEAD_BYTES ? bytes : HEAD_BYTES, mark, strlen(mark));
}

/* The text value behind `name` ("\"payload\":\""), borrowed; its length, or 0. */
static size_t value_of(const char *text, size_t bytes, const char *name, const char **value) {
  const char *at = memmem(text, bytes, name, strlen(name));
  if (!at) return 0;
  *value = at + strlen(name);
  const char *end = memchr(*value, '"', (size_t)(text + bytes - *value));
  return end ? (size_t)(end - *value) : 0;
}

static void on_sound(load_line *line, size_t bytes, uint64_t at_ns) {
  load_run *run = line->run;
  run->counts.bytes_received += bytes;
  if (run->options.mode == LOAD_ECHO) {
    if (run->phase == LOAD_MEASURING)
      load_stats_add(&run->round_trip, (int64_t)(at_ns - line->sent_ns) / 1000);
    return;
  }
  if (!line->has_spoken && line->agent->is_measured)
    load_stats_add(&run->first_frame, (int64_t)(at_ns - line->started_ns) / 1000);
  line->has_spoken = line->is_playing = 1;
  uint64_t sound_us = bytes * LOAD_TURN_MS * 1000 / load_turn_bytes(&run->options.wire->format);
  load_player_audio(&line->player, at_ns, sound_us, lateness_of(line));
}

static void on_payload(load_line *line, const char *text, size_t bytes, uint64_t at_ns) {
  const char *payload;
  size_t length = value_of(text, bytes, "\"payload\":\"", &payload);
  if (!length) {
    line->run->counts.malformed++;
    return;
  }
  size_t sound = length / 4 * 3;
  while (length && payload[length - 1] == '=') sound--, length--;
  on_sound(line, sound, at_ns);
}

static void note_sequence(load_line *line, const char *text, size_t bytes) {
  const char *name = line->run->options.wire->sequence_in;
  const char *at = name ? memmem(text, bytes, name, strlen(name)) : NULL;
  if (at) line->peer_sequence = strtoull(at + strlen(name), NULL, 10);
}

static void on_message(load_line *line, const char *text, size_t bytes, uint64_t at_ns) {
  const load_wire *wire = line->run->options.wire;
  const char *name;
  note_sequence(line, text, bytes);
  if (is(text, bytes, wire->audio_in)) {
    on_payload(line, text, bytes, at_ns);
  } else if (is(text, bytes, wire->mark_in)) {
    size_t length = value_of(text, bytes, wire->mark_name, &name);
    line->run->counts.marks++;
    if (length) load_player_mark(&line->player, at_ns, name, length, lateness_of(line));
  } else if (is(text, bytes, wire->clear_in)) {
    line->run->counts.clears++;
    load_player_clear(&line->player, at_ns, lateness_of(line));
  } else if (is(text, bytes, wire->ready)) {
    line->is_ready = 1;
  } else {
    line->run->counts.malformed++;
    load_run_complain(line->run, "not understood: %.*s", (int)(bytes < 120 ? bytes : 120), text);
  }
}

static void on_service_closed(load_line *line, const char *how) {
  load_run *run = line->run;
  if (line->agent->is_measured) {
    if (run->phase != LOAD_CLOSING) {
      run->dropped++;
      load_run_complain(run, "a call was closed by the service: %s", how);
    }
  } else {
    run->disturbers_over++;
  }
  load_line_tell_final_status(line);
}

static void on_frame(load_line *line, const load_frame *frame, uint64_t at_ns) {
  char pong[LOAD_FRAME_PAD + 128];
  switch (frame->opcode) {
  case LOAD_TEXT:
    on_message(line, frame->payload, frame->bytes, at_ns);
    break;
  case LOAD_BINARY:
    if (line->run->options.wire->format.is_binary)
      on_sound(line, frame->bytes, at_ns);
    else
      line->run->counts.malformed++;
    break;
  case LOAD_PING:
    if (frame->bytes > 125) break;
    memcpy(pong + LOAD_FRAME_PAD, frame->payload, frame->bytes);
    transmit(line, pong + LOAD_FRAME_PAD, frame->bytes, LOAD_PONG);
    break;
  case LOAD_CLOSE: {
    char how[160] = "no reason";
    if (frame->bytes >= 2) {
      unsigned code = (unsigned)(unsigned char)frame->payload[0] << 8 | (unsigned char)frame->payload[1];
      snprintf(how, sizeof how, "%u %.*s", code, (int)(frame->bytes - 2 > 120 ? 120 : frame->bytes - 2),
               frame->payload + 2);
    }
    on_service_closed(line, how);
    break;
  }
  default:
    line->run->counts.malformed++;
  }
}

/* When the kernel received it: what this program did meanwhile is not the service's lateness. */
static uint64_t arrival_of(const load_line *line, uint64_t arrived_ns) {
  return arrived_ns ? arrived_ns - (uint64_t)line->run->wall_offset_ns : load_now_ns();
}

static void read_frames(load_line *line, char *data, size_t bytes, uint64_t at_ns) {
  size_t done = 0;
  while (line->state == LOAD_UP) {
    load_frame frame;
    ssize_t used = load_frame_read(data + done, bytes - done, &frame);
    if (used < 0) {
      load_line_fail(line, "a frame of the service is masked", line->call);
      return;
    }
    if (!used) break;
    done += (size_t)used;
    on_frame(line, &frame, at_ns);
  }
  if (line->state != LOAD_UP) return;
  line->input_bytes = bytes - done;
  if (line->input_bytes > LOAD_INPUT_BYTES) {
    load_line_fail(line, "a frame of the service is too long", line->call);
    return;
  }
  memcpy(line->input, data + done, line->input_bytes);
}

void load_media_receive(load_line *line) {
  static char shared[2 * LOAD_INPUT_BYTES];
  uint64_t arrived_ns;
  memcpy(shared, line->input, line->input_bytes);
  ssize_t got = load_stream_receive(&line->stream, shared + line->input_bytes, LOAD_INPUT_BYTES, &arrived_ns);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    on_service_closed(line, got ? strerror(errno) : "without a close frame");
    return;
  }
  read_frames(line, shared, line->input_bytes + (size_t)got, arrival_of(line, arrived_ns));
}
