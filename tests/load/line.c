#include "load/line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load/media.h"
#include "load/twilio.h"

#define SECOND_NS 1000000000ull
#define ANSWERED_FOR_NS SECOND_NS /* without media: from the answer document to the final status */
#define REQUEST_BYTES 4096
#define CALLER "+14155550100"
#define CALLED "+14155550199"

static void on_ready(load_source *source, uint32_t events);

/* ---- birth and end */

static load_line *take_spare(load_run *run) {
  load_line *line = run->spare;
  if (line) {
    run->spare = line->next;
  } else {
    line = malloc(sizeof *line);
    if (!line) abort();
    line->request = malloc(REQUEST_BYTES);
    line->input = malloc(LOAD_INPUT_BYTES + 1);
    if (!line->request || !line->input) abort();
  }
  char *request = line->request, *input = line->input;
  *line = (load_line){
      .source.on_ready = on_ready, .run = run, .stream.fd = -1, .request = request, .input = input};
  return line;
}

static void hang_on_slot(load_line *line) {
  line->slot = line->run->next_slot_of_line++ % LOAD_SLOTS;
  line->next = line->run->slots[line->slot];
  line->run->slots[line->slot] = line;
}

static void disconnect(load_line *line) {
  load_stream_close(&line->stream);
  line->input_bytes = 0;
}

/* The slot's next turn puts it back among the spare ones. */
static void be_over(load_line *line) {
  disconnect(line);
  line->state = LOAD_IDLE;
  line->run->over++;
}

void load_line_fail(load_line *line, const char *what, const char *about) {
  load_run *run = line->run;
  load_run_complain(run, "%s: %.160s", what, about);
  if (line->agent->is_measured) run->failed++;
  if (run->options.mode == LOAD_FLOOD && line->state == LOAD_ASKING)
    load_flood_note(&run->flood, line->step, LOAD_LOST, line->asked_ns, load_now_ns());
  if (line->state == LOAD_TELLING) run->flood.untold++;
  be_over(line);
}

/* ---- connections */

static void connect_to_service(load_line *line, load_state state) {
  load_run *run = line->run;
  disconnect(line);
  line->state = state;
  line->is_established = 0;
  int code = load_stream_open(&line->stream, &run->options.address, run->tls);
  if (code)
    load_line_fail(line, "connect", strerror(-code));
  else
    load_run_watch(run, line->stream.fd, &line->source, EPOLLOUT);
}

load_values load_line_values(const load_line *line) {
  return (load_values){.call = line->call,
                       .stream = line->stream_id,
                       .agent = line->agent->name,
                       .account = line->run->options.account,
                       .seq = line->sequence,
                       .peer = line->peer_sequence,
                       .chunk = line->chunk,
                       .ms = (uint64_t)line->chunk * line->run->options.wire->format.frame_ms};
}

static void post_signed(load_line *line, const char *path, const char *status, load_state state) {
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

static void post(load_line *line, const char *path, const char *status, load_state state) {
  const load_wire *wire = line->run->options.wire;
  char body[2048];
  if (wire->is_signed) {
    post_signed(line, path, status, state);
    return;
  }
  load_values values = load_line_values(line);
  values.status = status;
  size_t bytes = load_write(body, sizeof body, state == LOAD_TELLING ? wire->tell : wire->ask, &values);
  line->request_bytes =
      (size_t)snprintf(line->request, REQUEST_BYTES,
                       "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                       "Connection: close\r\n\r\n%s",
                       path, line->run->options.host, wire->media_type, bytes, body);
  connect_to_service(line, state);
}

/* What the upgrade says besides its URL. */
static void write_headers(load_line *line, const char *url, char *headers, size_t room) {
  const load_options *options = &line->run->options;
  char signature[LOAD_SIGNATURE_BYTES];
  load_values values = load_line_values(line);
  *headers = 0;
  if (options->wire->headers) load_write(headers, room, options->wire->headers, &values);
  if (!options->wire->is_signed || !options->token) return;
  load_sign(signature, options->token, url, NULL, 0);
  snprintf(headers, room, "x-twilio-signature: %s\r\n", signature);
}

static void open_socket(load_line *line, const char *url) {
  const load_options *options = &line->run->options;
  const char *begin = !strncmp(url, "ws://", 5) || !strncmp(url, "wss://", 6) ? strstr(url, "://") + 3 : NULL;
  const char *path = begin ? strchr(begin, '/') : NULL;
  if (!path || strlen(path) >= sizeof line->path) {
    load_line_fail(line, "the stream's url cannot be opened", url);
    return;
  }
  char headers[512];
  write_headers(line, url, headers, sizeof headers);
  memmove(line->path, path, strlen(path) + 1);
  line->request_bytes =
      (size_t)snprintf(line->request, REQUEST_BYTES,
                       "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       "Sec-WebSocket-Version: 13\r\n%s\r\n",
                       line->path, options->host, headers);
  connect_to_service(line, LOAD_UPGRADING);
}

static void name_line(load_line *line, unsigned long long number) {
  unsigned process = (unsigned)getpid();
  if (line->run->options.wire->has_uuids) {
    snprintf(line->call, sizeof line->call, "%08x-0000-4000-8000-%012llx", process, number);
    snprintf(line->stream_id, sizeof line->stream_id, "%08x-0000-4000-9000-%012llx", process, number);
  } else {
    snprintf(line->call, sizeof line->call, "CA%08x%024llx", process, number);
    snprintf(line->stream_id, sizeof line->stream_id, "MZ%08x%024llx", process, number);
  }
}

/* Of a carrier that asks nobody. */
static void open_first_socket(load_line *line) {
  const load_options *options = &line->run->options;
  load_values values = load_line_values(line);
  char url[512];
  int bytes = snprintf(url, sizeof url, "%s://%s", line->run->tls ? "wss" : "ws", options->host);
  load_write(url + bytes, sizeof url - (size_t)bytes, options->wire->path, &values);
  open_socket(line, url);
}

void load_line_open(load_run *run, load_agent *agent) {
  load_line *line = take_spare(run);
  char path[256];
  agent->opened++;
  line->agent = agent;
  line->asked_ns = load_now_ns();
  line->was_measured = run->phase == LOAD_MEASURING;
  line->step = run->flood.step;
  name_line(line, ++run->number);
  hang_on_slot(line);
  if (run->options.mode == LOAD_ECHO) {
    open_socket(line, run->options.url);
    return;
  }
  if (run->options.wire->path) {
    open_first_socket(line);
    return;
  }
  snprintf(path, sizeof path, "/telephony/%s/inbound/%s", run->options.wire->carrier, agent->name);
  post(line, path, "ringing", LOAD_ASKING);
}

void load_line_tell_final_status(load_line *line) {
  const load_options *options = &line->run->options;
  char path[128];
  if (options->mode == LOAD_ECHO || options->is_abrupt || options->wire->path) {
    be_over(line);
    return;
  }
  line->told_ns = load_now_ns();
  snprintf(path, sizeof path, "/%s/callback/status", options->wire->carrier);
  post(line, path, "completed", LOAD_TELLING);
}

void load_line_hang_up(load_line *line) {
  load_media_goodbye(line);
  load_line_tell_final_status(line);
}

static int is_forgotten(const load_line *line, uint64_t now_ns) {
  if (line->run->options.mode != LOAD_FLOOD) return 0;
  uint64_t since_ns = line->state == LOAD_TELLING ? line->told_ns : line->asked_ns;
  int is_waiting = line->state == LOAD_ASKING || line->state == LOAD_TELLING;
  return is_waiting && now_ns > since_ns + LOAD_CARRIER_PATIENCE_S * SECOND_NS;
}

void load_line_turn(load_line *line, uint64_t now_ns) {
  if (line->state == LOAD_UP) {
    load_media_turn(line, now_ns);
  } else if (line->state == LOAD_WAITING && now_ns >= line->tell_ns) {
    load_line_tell_final_status(line);
  } else if (is_forgotten(line, now_ns)) {
    load_line_fail(line, "no answer", "the carrier's patience is over");
  }
}

/* ---- receiving answers */

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

/* A carrier's caller hears the busy tone, or its fallback is asked: the call is over for the service. */
static void on_refused(load_line *line) {
  load_flood_note(&line->run->flood, line->step, LOAD_REFUSED, line->asked_ns, load_now_ns());
  be_over(line);
}

static void on_document(load_line *line, const char *body) {
  load_run *run = line->run;
  char url[512];
  if (load_wire_url(run->options.wire, body, url, sizeof url)) {
    if (run->options.mode == LOAD_FLOOD)
      on_refused(line);
    else
      load_line_fail(line, "the answer has no URL of a media socket", body);
    return;
  }
  if (run->options.mode == LOAD_HELD) {
    open_socket(line, url);
    return;
  }
  uint64_t now_ns = load_now_ns();
  if (run->options.mode == LOAD_FLOOD)
    load_flood_note(&run->flood, line->step, LOAD_WELL, line->asked_ns, now_ns);
  if (line->was_measured) load_stats_add(&run->answer, (int64_t)(now_ns - line->asked_ns) / 1000);
  disconnect(line);
  line->state = LOAD_WAITING;
  line->tell_ns = now_ns + ANSWERED_FOR_NS;
  run->up++;
}

/* The carrier repeats what was not taken. */
static void tell_again(load_line *line) {
  disconnect(line);
  line->state = LOAD_WAITING;
  line->tell_ns = load_now_ns() + LOAD_REPEAT_S * SECOND_NS;
  line->run->flood.told_again++;
}

static void on_told(load_line *line) {
  line->run->flood.told++;
  be_over(line);
}

static void on_upgraded(load_line *line, const char *rest) {
  size_t bytes = line->input_bytes - (size_t)(rest - line->input);
  line->input_bytes = bytes;
  memmove(line->input, rest, bytes);
  load_media_begin(line);
}

static void receive_answer(load_line *line) {
  uint64_t arrived_ns;
  ssize_t got = load_stream_receive(&line->stream, line->input + line->input_bytes,
                                    LOAD_INPUT_BYTES - line->input_bytes, &arrived_ns);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    load_line_fail(line, "no answer", got ? strerror(errno) : "the connection was closed");
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
    on_told(line);
  else if (line->run->options.mode == LOAD_FLOOD && status == 503)
    (line->state == LOAD_TELLING ? tell_again : on_refused)(line);
  else
    load_line_fail(line, "refused", line->input);
}

static void establish(load_line *line) {
  uint32_t events;
  int code = load_stream_establish(&line->stream, &events);
  if (code < 0) {
    load_line_fail(line, "connect", strerror(-code));
    return;
  }
  if (code) {
    line->is_established = 1;
    events = EPOLLIN;
    if (load_stream_send(&line->stream, line->request, line->request_bytes)) {
      load_line_fail(line, "send", strerror(errno));
      return;
    }
  }
  load_run_rewatch(line->run, line->stream.fd, &line->source, events);
}

static void on_ready(load_source *source, uint32_t events) {
  load_line *line = (load_line *)source;
  if (!line->is_established)
    establish(line);
  else if (line->state == LOAD_UP)
    load_media_receive(line);
  else
    receive_answer(line);
}
