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

#include "load/media.h"
#include "load/twilio.h"

#define ANSWERED_FOR_NS 1000000000u /* webhook mode: from the answer document to the final status */
#define REQUEST_BYTES 4096
#define CALLER "+14155550100"
#define CALLED "+14155550199"

static void on_ready(load_source *source, uint32_t events);

/* ---- birth and end ----------------------------------------------------------------------------------- */

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

void load_line_fail(load_line *line, const char *what, const char *about) {
  load_run *run = line->run;
  load_run_complain(run, "%s: %.160s", what, about);
  if (line->agent->is_measured) run->failed++;
  be_over(line);
}

/* ---- connections ------------------------------------------------------------------------------------- */

static void connect_to_service(load_line *line, load_state state) {
  load_run *run = line->run;
  int on = 1;
  disconnect(line);
  line->state = state;
  line->is_writable = 0;
  line->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (line->fd < 0) {
    load_line_fail(line, "socket", strerror(errno));
    return;
  }
  setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (state == LOAD_UPGRADING) setsockopt(line->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  if (connect(line->fd, (struct sockaddr *)&run->options.address, sizeof run->options.address) &&
      errno != EINPROGRESS) {
    load_line_fail(line, "connect", strerror(errno));
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
    load_line_fail(line, "the stream's url cannot be opened", url);
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

void load_line_tell_final_status(load_line *line) {
  if (line->run->options.mode == LOAD_ECHO || line->run->options.is_abrupt)
    be_over(line);
  else
    post(line, "/twilio/callback/status", "completed", LOAD_TELLING);
}

void load_line_hang_up(load_line *line) {
  load_media_goodbye(line);
  load_line_tell_final_status(line);
}

void load_line_turn(load_line *line, uint64_t now_ns) {
  if (line->state == LOAD_UP) {
    load_media_turn(line, now_ns);
  } else if (line->state == LOAD_WAITING && now_ns >= line->tell_ns) {
    load_line_tell_final_status(line);
  }
}

/* ---- receiving answers ------------------------------------------------------------------------------- */

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
    load_line_fail(line, "the answer document has no stream", body);
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
  load_media_begin(line);
}

static void receive_answer(load_line *line) {
  ssize_t got =
      recv(line->fd, line->input + line->input_bytes, LOAD_INPUT_BYTES - line->input_bytes, MSG_DONTWAIT);
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
    be_over(line);
  else
    load_line_fail(line, "refused", line->input);
}

static void on_ready(load_source *source, uint32_t events) {
  load_line *line = (load_line *)source;
  if (line->is_writable) {
    if (line->state == LOAD_UP)
      load_media_receive(line);
    else
      receive_answer(line);
    return;
  }
  int code = 0;
  socklen_t bytes = sizeof code;
  getsockopt(line->fd, SOL_SOCKET, SO_ERROR, &code, &bytes);
  if (code) {
    load_line_fail(line, "connect", strerror(code));
    return;
  }
  line->is_writable = 1;
  if (send(line->fd, line->request, line->request_bytes, MSG_NOSIGNAL) != (ssize_t)line->request_bytes) {
    load_line_fail(line, "send", strerror(errno));
    return;
  }
  load_run_rewatch(line->run, line->fd, &line->source, EPOLLIN);
}
