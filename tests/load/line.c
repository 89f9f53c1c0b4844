#include "load/line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include "load/frame.h"
#include "load/twilio.h"

#define ANSWERED_FOR_NS 1000000000u /* webhook mode: from the answer document to the final status */
#define REQUEST_BYTES 4096
#define CALLER "+14155550100"
#define CALLED "+14155550199"

static void on_ready(load_source *source, uint32_t events);

/* ---- birth and end
 * --------------------------------------------------------------------------------------------- */

static load_line *take_spare(load_run *run) {
  load_line *line = run->spare;
  if (line) {
    run->spare = line->next;
  } else {
    line = malloc(sizeof *line);
    if (!line) abort();
    line->request = NULL;
  }
  char *request = line->request ? line->request : malloc(REQUEST_BYTES);
  *line = (load_line){.source.on_ready = on_ready, .run = run, .fd = -1, .request = request};
  return line;
}

static void hang_on_slot(load_line *line) {
  line->slot = line->run->next_slot_of_line++ % LOAD_SLOTS;
  line->next = line->run->slots[line->slot];
  line->run->slots[line->slot] = line;
}

static void disconnect(load_line *line) {
  if (line->fd >= 0) close(line->fd);
  line->fd = -1;
  line->input_bytes = 0;
}

/* The slot's next turn puts it back among the spare ones. */
static void be_over(load_line *line) {
  disconnect(line);
  line->state = LOAD_IDLE;
  line->run->over++;
}

static void fail(load_line *line, const char *what, const char *about) {
  load_run *run = line->run;
  load_run_complain(run, "%s: %.160s", what, about);
  if (line->agent->is_measured) run->failed++;
  be_over(line);
}

/* ---- connections
 * ----------------------------------------------------------------------------------------------- */

static void connect_to_service(load_line *line, load_state state) {
  load_run *run = line->run;
  int on = 1;
  disconnect(line);
  line->state = state;
  line->is_writable = 0;
  line->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (line->fd < 0) {
    fail(line, "socket", strerror(errno));
    return;
  }
  setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (state == LOAD_UPGRADING) setsockopt(line->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  if (connect(line->fd, (struct sockaddr *)&run->options.address, sizeof run->options.address) &&
      errno != EINPROGRESS) {
    fail(line, "connect", strerror(errno));
    return;
  }
  load_run_watch(run, line->fd, &line->source, EPOLLOUT);
}

static void post(load_line *line, const char *path, const char *status, load_state state) {
  const load_options *options = &line->run->options;
  load_parameter parameters[LOAD_WEBHOOK_PARAMETERS];
  load_webhook webhook = {options->account, line->call, CALLER, CALLED, status, state == LOAD_TELLING};
  size_t count = load_webhook_parameters(&webhook, parameters);
  char url[512], signature[LOAD_SIGNATURE_BYTES], form[2048];
  snprintf(url, sizeof url, "%s%s", options->url, path);
  load_sign(signature, options->token, url, parameters, count);
  size_t bytes = load_form(form, sizeof form, parameters, count);
  line->request_bytes =
      (size_t)snprintf(line->request, REQUEST_BYTES,
                       "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: TwilioProxy/1.1\r\n"
                       "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"
                       "X-Twilio-Signature: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                       path, options->host, signature, bytes, form);
  connect_to_service(line, state);
}

static void open_socket(load_line *line, const char *url) {
  const load_options *options = &line->run->options;
  const char *path = strncmp(url, "ws://", 5) ? NULL : strchr(url + 5, '/');
  if (!path || strlen(path) >= sizeof line->path) {
    fail(line, "the stream's url cannot be opened", url);
    return;
  }
  char signature[LOAD_SIGNATURE_BYTES] = "";
  if (options->token) load_sign(signature, options->token, url, NULL, 0);
  memmove(line->path, path, strlen(path) + 1);
  line->request_bytes =
      (size_t)snprintf(line->request, REQUEST_BYTES,
                       "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       "Sec-WebSocket-Version: 13\r\n%s%s%s\r\n",
                       line->path, options->host, *signature ? "x-twilio-signature: " : "", signature,
                       *signature ? "\r\n" : "");
  connect_to_service(line, LOAD_UPGRADING);
}

void load_line_open(load_run *run, load_agent *agent) {
  load_line *line = take_spare(run);
  char path[256];
  uint64_t number = ++run->number;
  agent->opened++;
  line->agent = agent;
  line->asked_ns = load_now_ns();
  line->was_measured = run->phase == LOAD_MEASURING;
  snprintf(line->call, sizeof line->call, "CA%08x%024llx", (unsigned)getpid(), (unsigned long long)number);
  snprintf(line->stream, sizeof line->stream, "MZ%08x%024llx", (unsigned)getpid(),
           (unsigned long long)number);
  hang_on_slot(line);
  if (run->options.mode == LOAD_ECHO) {
    open_socket(line, run->options.url);
    return;
  }
  snprintf(path, sizeof path, "/telephony/twilio/inbound/%s", agent->name);
  post(line, path, "ringing", LOAD_ASKING);
}

/* ---- sending on the media socket
 * ------------------------------------------------------------------------------- */

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

static void come_up(load_line *line) {
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

static void tell_final_status(load_line *line) {
  if (line->run->options.mode == LOAD_ECHO || line->run->options.is_abrupt)
    be_over(line);
  else
    post(line, "/twilio/callback/status", "completed", LOAD_TELLING);
}

void load_line_hang_up(load_line *line) {
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
  tell_final_status(line);
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

void load_line_turn(load_line *line, uint64_t now_ns) {
  if (line->state == LOAD_UP) {
    send_audio(line, now_ns);
    give_marks_back(line, now_ns);
  } else if (line->state == LOAD_WAITING && now_ns >= line->tell_ns) {
    tell_final_status(line);
  }
}

/* ---- receiving on the media socket
 * ----------------------------------------------------------------------------- */

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
  tell_final_status(line);
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
      fail(line, "a frame of the service is masked", line->call);
      return;
    }
    if (!used) break;
    done += (size_t)used;
    on_frame(line, &frame, at_ns);
  }
  if (line->state != LOAD_UP) return;
  line->input_bytes = bytes - done;
  if (line->input_bytes > LOAD_INPUT_BYTES) {
    fail(line, "a frame of the service is too long", line->call);
    return;
  }
  memcpy(line->input, data + done, line->input_bytes);
}

static void receive_frames(load_line *line) {
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

/* ---- receiving answers
 * ----------------------------------------------------------------------------------------- */

/* The status and body of a complete answer; 0 while something is missing. */
static int answer_of(load_line *line, const char **body) {
  line->input[line->input_bytes] = 0;
  char *end = strstr(line->input, "\r\n\r\n");
  if (!end) return 0;
  int status = 0;
  sscanf(line->input, "HTTP/1.1 %d", &status);
  *body = end + 4;
  char *length = strcasestr(line->input, "\r\ncontent-length:");
  if (status == 101 || !length || length > end) return status;
  size_t wanted = strtoul(length + 17, NULL, 10);
  return line->input_bytes - (size_t)(*body - line->input) >= wanted ? status : 0;
}

static void on_document(load_line *line, const char *body) {
  load_run *run = line->run;
  char url[512];
  if (load_stream_url(body, url, sizeof url)) {
    fail(line, "the answer document has no stream", body);
    return;
  }
  if (run->options.mode == LOAD_HELD) {
    open_socket(line, url);
    return;
  }
  uint64_t now_ns = load_now_ns();
  if (line->was_measured) load_stats_add(&run->answer, (int64_t)(now_ns - line->asked_ns) / 1000);
  disconnect(line);
  line->state = LOAD_WAITING;
  line->tell_ns = now_ns + ANSWERED_FOR_NS;
  run->up++;
}

static void on_upgraded(load_line *line, const char *rest) {
  size_t bytes = line->input_bytes - (size_t)(rest - line->input);
  line->input_bytes = bytes;
  memmove(line->input, rest, bytes);
  come_up(line);
}

static void receive_answer(load_line *line) {
  ssize_t got =
      recv(line->fd, line->input + line->input_bytes, LOAD_INPUT_BYTES - line->input_bytes, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    fail(line, "no answer", got ? strerror(errno) : "the connection was closed");
    return;
  }
  line->input_bytes += (size_t)got;
  const char *body;
  int status = answer_of(line, &body);
  if (!status) return;
  if (line->state == LOAD_UPGRADING && status == 101)
    on_upgraded(line, body);
  else if (line->state == LOAD_ASKING && status == 200)
    on_document(line, body);
  else if (line->state == LOAD_TELLING && status < 300)
    be_over(line);
  else
    fail(line, "refused", line->input);
}

static void on_ready(load_source *source, uint32_t events) {
  load_line *line = (load_line *)source;
  if (line->is_writable) {
    if (line->state == LOAD_UP)
      receive_frames(line);
    else
      receive_answer(line);
    return;
  }
  int code = 0;
  socklen_t bytes = sizeof code;
  getsockopt(line->fd, SOL_SOCKET, SO_ERROR, &code, &bytes);
  if (code) {
    fail(line, "connect", strerror(code));
    return;
  }
  line->is_writable = 1;
  if (send(line->fd, line->request, line->request_bytes, MSG_NOSIGNAL) != (ssize_t)line->request_bytes) {
    fail(line, "send", strerror(errno));
    return;
  }
  load_run_rewatch(line->run, line->fd, &line->source, EPOLLIN);
}
