/* A request and an answer as they cross the network in memory. A server of ours reads the request as it reads one
 * from a socket: as the text it would be there, with the same code. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "net/loopback_private.h"

static cal_span take(cal_buf *buf) {
  cal_span span = {.bytes = buf->bytes};
  span.at = cal_buf_take(buf);
  return span;
}

/* ---- the request */

/* Static, as the method of a request is; but doubles may be asked for others as well. */
static const char *known_method(const char *method) {
  static const char *const known[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (!strcmp(known[i], method)) return known[i];
  return NULL;
}

static char *authority_of(const char *host, int port, int is_tls) {
  cal_buf authority;
  cal_buf_init(&authority, strlen(host) + 16);
  cal_buf_format(&authority, strchr(host, ':') && *host != '[' ? "[%s]" : "%s", host);
  if (port != (is_tls ? 443 : 80)) cal_buf_format(&authority, ":%d", port);
  return cal_buf_take(&authority);
}

static void set_target(cal_sent *sent) {
  const char *target = sent->target, *mark = strchr(target, '?');
  sent->view.target = cal_span_of(target);
  sent->view.path = (cal_span){.at = target, .bytes = mark ? (size_t)(mark - target) : strlen(target)};
  if (mark) sent->view.query = cal_span_of(mark + 1);
}

cal_sent *cal_sent_new(const char *method, const char *host, int port, int is_tls, const char *target) {
  cal_sent *sent = cal_alloc(sizeof *sent);
  sent->host = cal_loopback_host_name(host, strlen(host));
  sent->authority = authority_of(host, port, is_tls);
  sent->port = port;
  sent->view.method = known_method(method);
  if (!sent->view.method) sent->view.method = sent->method = cal_strdup(method);
  sent->view.peer = CAL_LOOPBACK_PEER;
  sent->view.is_tls = is_tls;
  sent->target = cal_strdup(target);
  set_target(sent);
  return sent;
}

static cal_http_field *field_of(const cal_sent *sent, cal_span name) {
  for (size_t i = 0; i < sent->view.field_count; i++)
    if (sent->fields[i].name.bytes == name.bytes &&
        !strncasecmp(sent->fields[i].name.at, name.at, name.bytes))
      return &sent->fields[i];
  return NULL;
}

/* Cookies are lists of another kind. */
static void join(cal_http_field *field, cal_span more) {
  cal_buf value;
  cal_buf_init(&value, field->value.bytes + more.bytes + 2);
  cal_buf_append(&value, field->value.at, field->value.bytes);
  cal_buf_append(&value, cal_span_is(field->name, "cookie") ? "; " : ", ", 2);
  cal_buf_append(&value, more.at, more.bytes);
  cal_free((void *)(uintptr_t)field->value.at);
  field->value = take(&value);
}

void cal_sent_add(cal_sent *sent, cal_span name, cal_span value) {
  while (value.bytes && (*value.at == ' ' || *value.at == '\t')) value.at++, value.bytes--;
  cal_http_field *known = field_of(sent, name);
  if (known) return join(known, value);
  size_t count = ++sent->view.field_count;
  sent->fields = cal_resize(sent->fields, count * sizeof *sent->fields);
  sent->view.fields = sent->fields;
  char *lower = cal_strndup(name.at, name.bytes);
  for (char *at = lower; *at; at++)
    if (*at >= 'A' && *at <= 'Z') *at += 'a' - 'A';
  sent->fields[count - 1] = (cal_http_field){
      .name = {.at = lower, .bytes = name.bytes},
      .value = {.at = cal_strndup(value.bytes ? value.at : "", value.bytes), .bytes = value.bytes}};
}

void cal_sent_default(cal_sent *sent, const char *name, cal_span value) {
  if (!field_of(sent, cal_span_of(name))) cal_sent_add(sent, cal_span_of(name), value);
}

void *cal_sent_free(cal_sent *sent) {
  if (!sent) return NULL;
  for (size_t i = 0; i < sent->view.field_count; i++) {
    cal_free((void *)(uintptr_t)sent->fields[i].name.at);
    cal_free((void *)(uintptr_t)sent->fields[i].value.at);
  }
  cal_free(sent->fields);
  cal_free(sent->method);
  cal_free(sent->target);
  cal_free(sent->host);
  cal_free(sent->authority);
  return cal_free(sent);
}

void cal_sent_tell(cal_loopback *loopback, const cal_sent *sent, const cal_http_answer *answer, int error) {
  if (loopback->seen) loopback->seen(loopback->seen_context, sent->authority, &sent->view, answer, error);
}

static void write_head(cal_buf *text, const cal_sent *sent) {
  cal_buf_format(text, "%s %s HTTP/1.1\r\n", sent->view.method, sent->target);
  for (size_t i = 0; i < sent->view.field_count; i++)
    cal_buf_format(text, "%.*s: %.*s\r\n", (int)sent->fields[i].name.bytes, sent->fields[i].name.at,
                   (int)sent->fields[i].value.bytes, sent->fields[i].value.at);
  cal_buf_text(text, "\r\n");
}

cal_request *cal_sent_read(const cal_sent *sent, const cal_server *server, int *status, const char **why) {
  const cal_net_options *limits = &server->net->options;
  size_t scanned = 0;
  cal_buf text;
  cal_buf_init(&text, SIZE_MAX / 2);
  write_head(&text, sent);
  cal_request *request = cal_request_new(server, text.data, text.bytes);
  *status = cal_conn_check_head(text.data, text.bytes, limits->header_ceiling_bytes, &scanned, why);
  if (*status < 0) *status = cal_head_read(&request->head, request->text, text.bytes, why);
  cal_buf_free(&text);
  int is_over = sent->view.body.bytes > limits->body_ceiling_bytes ||
                request->head.content_length > (int64_t)limits->body_ceiling_bytes;
  if (!*status && is_over) {
    *why = "the body is too big";
    *status = 413;
  }
  if (!*status) cal_buf_append(&request->body, sent->view.body.at, sent->view.body.bytes);
  if (!*status) cal_request_show(request, server);
  request->view.peer = sent->view.peer;
  request->view.is_tls = sent->view.is_tls;
  return request;
}

/* ---- the answer */

static void read_field(cal_received *received, char *line, char *end) {
  char *colon = memchr(line, ':', (size_t)(end - line));
  if (!colon || received->field_count == sizeof received->fields / sizeof received->fields[0]) return;
  for (char *at = line; at < colon; at++)
    if (*at >= 'A' && *at <= 'Z') *at += 'a' - 'A';
  char *value = colon + 1;
  while (value < end && (*value == ' ' || *value == '\t')) value++;
  while (end > value && (end[-1] == ' ' || end[-1] == '\t')) end--;
  received->fields[received->field_count++] =
      (cal_http_field){.name = {.at = line, .bytes = (size_t)(colon - line)},
                       .value = {.at = value, .bytes = (size_t)(end - value)}};
}

/* What cal_answer_write has written, so it is known to be sound. */
void cal_received_read(cal_received *received, cal_buf *bytes) {
  char *at = bytes->data, *end = bytes->data + bytes->bytes;
  char *space = memchr(at, ' ', bytes->bytes);
  received->status = (space[1] - '0') * 100 + (space[2] - '0') * 10 + (space[3] - '0');
  received->field_count = 0;
  for (char *line = strstr(at, "\r\n") + 2, *next;; line = next + 2) {
    next = strstr(line, "\r\n");
    if (next == line) {
      received->field_bytes = (size_t)(line - at);
      received->body = (cal_span){.at = line + 2, .bytes = (size_t)(end - line - 2)};
      return;
    }
    read_field(received, line, next);
  }
}
