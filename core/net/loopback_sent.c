/* A request and an answer as they cross the network in memory. A request is shown as the library below a real
 * server shows one: its way of reading targets is repeated here, odd corners included (server.h), because a
 * script's signature check must meet them in a spec and not in production. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "net/loopback_private.h"

/* ---- the target */

typedef struct reader {
  cal_sent *sent;
  cal_buf path, part, query; /* part: of the query, decoded */
  int is_query, parts, has_equal;
  enum { IDLE, SLASH, DOT, DOTS } dots; /* what `/`, `/.` and `/..` led to; of the path only */
} reader;

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void put(reader *r, char c) { cal_buf_append(r->is_query ? &r->part : &r->path, &c, 1); }

static void end_part(reader *r) {
  r->has_equal = 0;
  if (r->parts++) cal_buf_append(&r->query, "&", 1);
  size_t bytes = r->part.bytes ? strlen(r->part.data) : 0;
  if (!cal_query_encode(&r->query, r->part.data, bytes)) r->sent->view.target_is_exact = 0;
  cal_buf_clear(&r->part);
}

static void go_up(reader *r) {
  while (r->path.bytes > 1 && r->path.data[r->path.bytes - 1] == '/') r->path.bytes--;
  while (r->path.bytes > 1 && r->path.data[r->path.bytes - 1] != '/') r->path.bytes--;
  r->path.data[r->path.bytes] = 0;
}

/* After a '/': repeated ones, `/./` and `/../` go. 1: the character was used up. */
static int collapse(reader *r, char c) {
  int before = r->dots;
  r->dots = IDLE;
  switch (before) {
  case SLASH:
    if (c == '.') r->dots = DOT;
    if (c == '/') r->dots = SLASH;
    return c == '.' || c == '/';
  case DOT:
    if (c == '.') r->dots = DOTS;
    if (c == '/') r->dots = SLASH;
    if (c == '.' || c == '/') return 1;
    put(r, '.');
    return 0;
  case DOTS:
    if (c == '/' || c == '?') go_up(r);
    if (c == '/') r->dots = SLASH;
    if (c == '/') return 1;
    if (c != '?') put(r, '.'), put(r, '.');
    return 0;
  default:
    return 0;
  }
}

/* A `;` divides as `&` does, and in a path, too: such parts are put together with commas. */
static void read_plain(reader *r, char c, int is_encoded) {
  if (!c) r->sent->verdict = -ECONNRESET;
  if (c == '/' && !r->is_query) r->dots = SLASH;
  if (is_encoded) return put(r, c == '=' && r->is_query && !r->has_equal ? '_' : c);
  if (c == '=') r->has_equal = 1;
  if (c != '&' && c != ';') return put(r, c == '+' ? ' ' : c);
  if (r->is_query) return end_part(r);
  put(r, ',');
}

static void read_char(reader *r, char c, int is_encoded) {
  int is_plain = r->dots == IDLE;
  if (!is_plain && collapse(r, c)) return;
  if (c != '?' || is_encoded || r->is_query) {
    if (is_plain) return read_plain(r, c, is_encoded);
    return put(r, c);
  }
  r->is_query = 1;
  r->dots = IDLE;
}

static void read_target(reader *r, const char *target) {
  for (const char *at = target; *at; at++) {
    char c = *at;
    int is_encoded = c == '%';
    if (is_encoded) {
      int high = hex(at[1]), low = high < 0 ? -1 : hex(at[2]);
      if (low < 0) {
        r->sent->verdict = 403;
        return;
      }
      c = (char)(high << 4 | low);
      at += 2;
    }
    read_char(r, c, is_encoded);
  }
  if (r->dots == DOTS) go_up(r);
  if (r->is_query && !r->part.bytes) put(r, '/'); /* an empty last part is never left so */
  if (r->is_query) end_part(r);
}

static cal_span take(cal_buf *buf) {
  cal_span span = {.bytes = buf->bytes};
  span.at = cal_buf_take(buf);
  return span;
}

static void set_target(cal_sent *sent, const char *target) {
  reader r = {.sent = sent};
  size_t room = 4 * strlen(target) + 16;
  cal_buf_init(&r.path, room);
  cal_buf_init(&r.part, room);
  cal_buf_init(&r.query, room);
  sent->view.target_is_exact = 1;
  read_target(&r, target);
  if (!cal_path_survives(r.path.data, r.path.bytes)) sent->view.target_is_exact = 0;
  sent->view.path = take(&r.path);
  sent->view.query = take(&r.query);
  cal_buf_free(&r.part);
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

cal_sent *cal_sent_new(const char *method, const char *host, int port, int is_tls, const char *target) {
  cal_sent *sent = cal_alloc(sizeof *sent);
  sent->host = cal_loopback_host_name(host, strlen(host));
  sent->authority = authority_of(host, port, is_tls);
  sent->port = port;
  sent->view.method = known_method(method);
  if (!sent->view.method) sent->view.method = sent->method = cal_strdup(method);
  sent->view.peer = CAL_LOOPBACK_PEER;
  sent->view.is_tls = is_tls;
  sent->head_bytes = strlen(method) + strlen(target) + sizeof " HTTP/1.1\r\n\r\n";
  set_target(sent, target);
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
  cal_buf_init(&value, field->value.bytes + more.bytes + 1);
  cal_buf_append(&value, field->value.at, field->value.bytes);
  cal_buf_append(&value, cal_span_is(field->name, "cookie") ? ";" : ",", 1);
  cal_buf_append(&value, more.at, more.bytes);
  cal_free((void *)(uintptr_t)field->value.at);
  field->value = take(&value);
}

void cal_sent_add(cal_sent *sent, cal_span name, cal_span value) {
  while (value.bytes && (*value.at == ' ' || *value.at == '\t')) value.at++, value.bytes--;
  sent->head_bytes += name.bytes + value.bytes + 4;
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
  cal_free((void *)(uintptr_t)sent->view.path.at);
  cal_free((void *)(uintptr_t)sent->view.query.at);
  cal_free(sent->host);
  cal_free(sent->authority);
  return cal_free(sent);
}

void cal_sent_tell(cal_loopback *loopback, const cal_sent *sent, const cal_http_answer *answer, int error) {
  if (loopback->seen) loopback->seen(loopback->seen_context, sent->authority, &sent->view, answer, error);
}

cal_http_request cal_sent_for(const cal_sent *sent, const cal_server *server, cal_http_field *fields) {
  cal_http_request view = sent->view;
  view.fields = fields;
  view.field_count = 0;
  for (size_t i = 0; i < server->options.field_count; i++) {
    const cal_http_field *field =
        field_of(sent, (cal_span){.at = server->fields[i].name, .bytes = server->fields[i].bytes});
    if (field) fields[view.field_count++] = *field;
  }
  return view;
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
