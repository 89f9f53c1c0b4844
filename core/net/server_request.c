/* A request, as handlers see it. */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "net/server_private.h"

cal_request *cal_request_new(const cal_server *server, const char *head, size_t bytes) {
  cal_request *request = cal_alloc(sizeof *request);
  request->text = cal_strndup(head, bytes);
  cal_buf_init(&request->joined, 2 * server->net->options.header_ceiling_bytes);
  cal_buf_init(&request->body, server->net->options.body_ceiling_bytes);
  return request;
}

void *cal_request_free(cal_request *request) {
  if (!request) return NULL;
  cal_buf_free(&request->joined);
  cal_buf_free(&request->body);
  cal_free(request->text);
  return cal_free(request);
}

/* ---- fields */

static int is_same(cal_span a, cal_span b) { return a.bytes == b.bytes && !memcmp(a.at, b.at, a.bytes); }

/* All values of one name, put together: a list's elements stay apart by commas, cookies by semicolons. The span
 * holds an offset until `joined` has stopped moving. */
static cal_span join(cal_buf *joined, cal_span name, const cal_http_field *from, size_t count) {
  size_t begin = joined->bytes;
  const char *between = cal_span_is(name, "cookie") ? "; " : ", ";
  int values = 0;
  for (size_t i = 0; i < count; i++) {
    if (!is_same(from[i].name, name)) continue;
    if (values++) cal_buf_append(joined, between, 2);
    cal_buf_append(joined, from[i].value.at, from[i].value.bytes);
  }
  return (cal_span){.at = (const char *)(uintptr_t)begin, .bytes = joined->bytes - begin};
}

static int is_pattern(cal_span wanted) { return wanted.bytes && wanted.at[wanted.bytes - 1] == '*'; }

static int begins_so(cal_span name, cal_span pattern) {
  return name.bytes >= pattern.bytes - 1 && !memcmp(name.at, pattern.at, pattern.bytes - 1);
}

typedef struct choice {
  cal_http_field *into;
  size_t count;
  uint8_t is_joined[CAL_FIELDS_CEILING];
  cal_buf *joined;
  const cal_http_field *from;
  size_t from_count;
} choice;

static int has_chosen(const choice *c, cal_span name) {
  for (size_t i = 0; i < c->count; i++)
    if (is_same(c->into[i].name, name)) return 1;
  return 0;
}

static void choose(choice *c, cal_span name) {
  size_t found = 0, at = c->count;
  for (size_t i = 0; i < c->from_count; i++)
    if (is_same(c->from[i].name, name) && !found++)
      c->into[at] = (cal_http_field){.name = name, .value = c->from[i].value};
  if (found > 1) c->into[at].value = join(c->joined, name, c->from, c->from_count);
  c->is_joined[at] = found > 1;
  c->count += found > 0;
}

/* Those that are named have their place in any case; what begins so gets the rest. */
static void choose_those_like(choice *c, cal_span pattern) {
  for (size_t i = 0; i < c->from_count && c->count < CAL_FIELDS_CEILING; i++)
    if (begins_so(c->from[i].name, pattern) && !has_chosen(c, c->from[i].name)) choose(c, c->from[i].name);
}

size_t cal_fields_choose(cal_http_field *into, cal_buf *joined, const cal_server *server,
                         const cal_http_field *from, size_t count) {
  choice c = {.into = into, .joined = joined, .from = from, .from_count = count};
  for (int likes = 0; likes < 2; likes++) {
    for (size_t i = 0; i < server->options.field_count; i++) {
      cal_span wanted = cal_span_of(server->options.fields[i]);
      if (is_pattern(wanted) != likes) continue;
      if (likes)
        choose_those_like(&c, wanted);
      else
        choose(&c, wanted);
    }
  }
  for (size_t i = 0; i < c.count; i++)
    if (c.is_joined[i]) into[i].value.at = joined->data + (uintptr_t)into[i].value.at;
  return c.count;
}

static void set_host(cal_request *request) {
  for (size_t i = 0; i < request->view.field_count; i++)
    if (cal_span_is(request->fields[i].name, "host")) request->fields[i].value = request->head.host;
}

void cal_request_show(cal_request *request, const cal_server *server) {
  const cal_head *head = &request->head;
  cal_http_request *view = &request->view;
  view->method = head->method;
  view->target = head->target;
  view->path = head->path;
  view->query = head->query;
  view->is_tls = server->tls != NULL;
  view->field_count =
      cal_fields_choose(request->fields, &request->joined, server, head->fields, head->field_count);
  view->fields = request->fields;
  view->body = (cal_span){.at = request->body.data, .bytes = request->body.bytes};
  set_host(request);
}

cal_span cal_http_request_field(const cal_http_request *request, const char *name) {
  size_t bytes = strlen(name);
  for (size_t i = 0; i < request->field_count; i++) {
    const cal_http_field *field = &request->fields[i];
    if (field->name.bytes == bytes && !strncasecmp(field->name.at, name, bytes)) return field->value;
  }
  return (cal_span){0};
}
