#include "load/media.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "load/frame.h"
#include "load/twilio.h"

/* ---- sending --------------------------------------------------------------------- */

static void transmit(load_line *line, char *payload, size_t bytes, int opcode) {
  static uint32_t key = 0x9e3779b9;
  size_t frame_bytes;
  char *frame = load_frame_write(payload, bytes, opcode, key += 0x9e3779b9, &frame_bytes);
  if (send(line->fd, frame, frame_bytes, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)frame_bytes) return;
  load_run_complain(line->run, "send: %s", errno == EAGAIN ? "the service does not read" : strerror(errno));
  line->run->counts.malformed++;
}

static void say(load_line *line, const char *text) {
  char message[LOAD_FRAME_PAD + 1024];
  size_t bytes = strlen(text);
  memcpy(message + LOAD_FRAME_PAD, text, bytes);
  transmit(line, message + LOAD_FRAME_PAD, bytes, LOAD_TEXT);
}

static void send_audio(load_line *line, uint64_t now_ns) {
  char message[LOAD_FRAME_PAD + 512];
  size_t bytes = load_media(message + LOAD_FRAME_PAD, line->stream, ++line->chunk, ++line->sequence);
  line->sent_ns = now_ns;
  transmit(line, message + LOAD_FRAME_PAD, bytes, LOAD_TEXT);
  line->run->counts.frames_sent++;
}

void load_media_begin(load_line *line) {
  char text[1024];
  load_run *run = line->run;
  line->state = LOAD_UP;
  if (line->agent->is_measured) run->up++;
  if (run->options.mode == LOAD_ECHO) return;
  say(line, "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}");
  line->started_ns = load_now_ns();
  line->sequence = 1;
  snprintf(
      text, sizeof text,
      "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"start\":{\"accountSid\":\"%s\",\"streamSid\":\"%s\","
      "\"callSid\":\"%s\",\"tracks\":[\"inbound\"],\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\","
      "\"sampleRate\":8000,\"channels\":1},\"customParameters\":{}},\"streamSid\":\"%s\"}",
      run->options.account, line->stream, line->call, line->stream);
  say(line, text);
}

static void give_marks_back(load_line *line, uint64_t now_ns) {
  char name[LOAD_MARK_BYTES], text[256];
  while (load_player_due_mark(&line->player, now_ns, name)) {
    snprintf(
        text, sizeof text,
        "{\"event\":\"mark\",\"sequenceNumber\":\"%llu\",\"streamSid\":\"%s\",\"mark\":{\"name\":\"%s\"}}",
        (unsigned long long)++line->sequence, line->stream, name);
    say(line, text);
  }
}

void load_media_turn(load_line *line, uint64_t now_ns) {
  send_audio(line, now_ns);
  give_marks_back(line, now_ns);
}

void load_media_goodbye(load_line *line) {
  char text[256], close_frame[LOAD_FRAME_PAD + 2];
  if (line->run->options.mode != LOAD_ECHO) {
    snprintf(
        text, sizeof text,
        "{\"event\":\"stop\",\"sequenceNumber\":\"%llu\",\"stop\":{\"accountSid\":\"%s\",\"callSid\":\"%s\"},"
        "\"streamSid\":\"%s\"}",
        (unsigned long long)++line->sequence, line->run->options.account, line->call, line->stream);
    say(line, text);
  }
  memcpy(close_frame + LOAD_FRAME_PAD, "\x03\xe8", 2);
  transmit(line, close_frame + LOAD_FRAME_PAD, 2, LOAD_CLOSE);
}

/* ---- receiving ------------------------------------------------------------------- */

static load_stats *lateness_of(load_line *line) {
  load_run *run = line->run;
  int is_wanted = run->phase == LOAD_MEASURING && line->agent->is_measured && run->options.mode == LOAD_HELD;
  return is_wanted ? &run->late : NULL;
}

static int begins(const char *text, size_t bytes, const char *with) {
  size_t length = strlen(with);
  return bytes >= length && !memcmp(text, with, length);
}

/* The text value of `name` ("\"payload\":\""), borrowed; its length, or 0. */
static size_t value_of(const char *text, size_t bytes, const char *name, const char **value) {
  const char *at = memmem(text, bytes, name, strlen(name));
  if (!at) return 0;
  *value = at + strlen(name);
  const char *end = memchr(*value, '"', (size_t)(text + bytes - *value));
  return end ? (size_t)(end - *value) : 0;
}

static void on_audio(load_line *line, const char *text, size_t bytes, uint64_t at_ns) {
  load_run *run = line->run;
  const char *payload;
  size_t length = value_of(text, bytes, "\"payload\":\"", &payload);
  if (!length) {
    run->counts.malformed++;
    return;
  }
  size_t sound = length / 4 * 3;
  while (length && payload[length - 1] == '=') sound--, length--;
  run->counts.frames_received++;
  run->counts.bytes_received += sound;
  if (run->options.mode == LOAD_ECHO) {
    if (run->phase == LOAD_MEASURING)
      load_stats_add(&run->round_trip, (int64_t)(at_ns - line->sent_ns) / 1000);
    return;
  }
  if (!line->has_spoken && line->agent->is_measured)
    load_stats_add(&run->first_frame, (int64_t)(at_ns - line->started_ns) / 1000);
  line->has_spoken = 1;
  load_player_audio(&line->player, at_ns, sound, lateness_of(line));
}

static void on_message(load_line *line, const char *text, size_t bytes, uint64_t at_ns) {
  const char *name;
  if (begins(text, bytes, "{\"event\":\"media\"")) {
    on_audio(line, text, bytes, at_ns);
  } else if (begins(text, bytes, "{\"event\":\"mark\"")) {
    size_t length = value_of(text, bytes, "\"name\":\"", &name);
    line->run->counts.marks++;
    if (length) load_player_mark(&line->player, at_ns, name, length, lateness_of(line));
  } else if (begins(text, bytes, "{\"event\":\"clear\"")) {
    line->run->counts.clears++;
    load_player_clear(&line->player, at_ns, lateness_of(line));
  } else {
    line->run->counts.malformed++;
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
static uint64_t arrival_of(load_line *line, struct msghdr *message) {
  for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SO_TIMESTAMPNS) continue;
    struct timespec stamp;
    memcpy(&stamp, CMSG_DATA(at), sizeof stamp);
    return (uint64_t)((int64_t)stamp.tv_sec * 1000000000 + stamp.tv_nsec - line->run->wall_offset_ns);
  }
  return load_now_ns();
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
  char control[128];
  memcpy(shared, line->input, line->input_bytes);
  struct iovec room = {shared + line->input_bytes, LOAD_INPUT_BYTES};
  struct msghdr message = {
      .msg_iov = &room, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t got = recvmsg(line->fd, &message, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    on_service_closed(line, got ? strerror(errno) : "without a close frame");
    return;
  }
  read_frames(line, shared, line->input_bytes + (size_t)got, arrival_of(line, &message));
}
