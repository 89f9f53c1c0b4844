/* A request, read out of what lws kept of it. The raw target is not among that: see server.h. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "net/server_private.h"

static const struct {
  int token;
  const char *name;
} methods[] = {{WSI_TOKEN_GET_URI, "GET"},        {WSI_TOKEN_POST_URI, "POST"},
               {WSI_TOKEN_PUT_URI, "PUT"},        {WSI_TOKEN_DELETE_URI, "DELETE"},
               {WSI_TOKEN_PATCH_URI, "PATCH"},    {WSI_TOKEN_HEAD_URI, "HEAD"},
               {WSI_TOKEN_OPTIONS_URI, "OPTIONS"}};

const char *cal_request_method(struct lws *wsi, int *token) {
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    if (!lws_hdr_total_length(wsi, (enum lws_token_indexes)methods[i].token)) continue;
    *token = methods[i].token;
    return methods[i].name;
  }
  return NULL;
}

int cal_field_token(const char *name_with_colon) {
  for (int token = 0; token < WSI_TOKEN_COUNT; token++) {
    const unsigned char *known = lws_token_to_string((enum lws_token_indexes)token);
    if (known && !strcmp((const char *)known, name_with_colon)) return token;
  }
  return -1;
}

int cal_request_token(cal_server *server, struct lws *wsi, int token) {
  if (!lws_hdr_total_length(wsi, (enum lws_token_indexes)token)) return -1;
  return lws_hdr_copy(wsi, server->scratch, (int)server->scratch_bytes, (enum lws_token_indexes)token);
}

int cal_path_survives(const char *path, size_t bytes) {
  for (size_t i = 0; i < bytes; i++)
    if (!isalnum((unsigned char)path[i]) && !strchr("-._~/=&", path[i])) return 0;
  return 1;
}

/* Spans hold offsets until the text has stopped moving. */
static cal_span append(cal_request *request, const char *data, size_t bytes) {
  cal_span span = {.at = (const char *)(uintptr_t)request->text.bytes, .bytes = bytes};
  cal_buf_append(&request->text, data, bytes);
  cal_buf_append(&request->text, "", 1);
  return span;
}

static void settle(cal_span *span, const cal_buf *text) { span->at = text->data + (uintptr_t)span->at; }

static void read_path(cal_request *request, cal_server *server, struct lws *wsi, int token) {
  int bytes = cal_request_token(server, wsi, token);
  if (bytes < 0) bytes = 0;
  if (!cal_path_survives(server->scratch, (size_t)bytes)) request->view.target_is_exact = 0;
  request->view.path = append(request, server->scratch, (size_t)bytes);
}

/* The first '=' of a part divides name and value; a later one, like everything else that is not plain, was
 * either plain or encoded on the wire, and is written in the form that decodes to it. */
int cal_query_encode(cal_buf *into, const char *part, size_t bytes) {
  int is_exact = 1;
  for (size_t i = 0; i < bytes; i++) {
    unsigned char c = (unsigned char)part[i];
    if (isalnum(c) || strchr("-._~/=?", c)) {
      cal_buf_append(into, part + i, 1);
      continue;
    }
    cal_buf_format(into, "%%%02X", c);
    is_exact = 0;
  }
  return is_exact;
}

static void read_query(cal_request *request, cal_server *server, struct lws *wsi) {
  size_t start = request->text.bytes;
  for (int k = 0; lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS); k++) {
    int bytes =
        lws_hdr_copy_fragment(wsi, server->scratch, (int)server->scratch_bytes, WSI_TOKEN_HTTP_URI_ARGS, k);
    if (bytes < 0) break; /* an empty part (`&&`) has 0 */
    if (k) cal_buf_append(&request->text, "&", 1);
    for (const char *at = server->scratch; at < server->scratch + bytes; at++)
      if (!*at) bytes = (int)(at - server->scratch);
    if (!cal_query_encode(&request->text, server->scratch, (size_t)bytes)) request->view.target_is_exact = 0;
  }
  request->view.query =
      (cal_span){.at = (const char *)(uintptr_t)start, .bytes = request->text.bytes - start};
  cal_buf_append(&request->text, "", 1);
}

static void read_fields(cal_request *request, cal_server *server, struct lws *wsi) {
  for (size_t i = 0; i < server->options.field_count; i++) {
    const char *name = server->fields[i].name;
    int bytes = server->fields[i].token >= 0
                    ? cal_request_token(server, wsi, server->fields[i].token)
                    : lws_hdr_custom_copy(wsi, server->scratch, (int)server->scratch_bytes, name,
                                          (int)server->fields[i].bytes + 1);
    if (bytes < 0) continue;
    cal_http_field *field = &request->fields[request->view.field_count++];
    field->name = (cal_span){.at = name, .bytes = server->fields[i].bytes};
    field->value = append(request, server->scratch, (size_t)bytes);
  }
}

cal_request *cal_request_read(cal_conn *conn) {
  cal_server *server = conn->server;
  int token = WSI_TOKEN_GET_URI;
  cal_request *request = cal_alloc(sizeof *request);
  cal_buf_init(&request->text, 4 * server->net->options.header_ceiling_bytes + 4096);
  cal_buf_init(&request->body, server->net->options.body_ceiling_bytes);
  cal_http_request *view = &request->view;
  view->target_is_exact = 1;
  view->method = cal_request_method(conn->wsi, &token);
  read_path(request, server, conn->wsi, token);
  read_query(request, server, conn->wsi);
  read_fields(request, server, conn->wsi);
  settle(&view->path, &request->text);
  settle(&view->query, &request->text);
  for (size_t i = 0; i < view->field_count; i++) settle(&request->fields[i].value, &request->text);
  view->fields = request->fields;
  view->peer = conn->peer;
  view->is_tls = server->is_tls;
  return request;
}

void *cal_request_free(cal_request *request) {
  if (!request) return NULL;
  cal_buf_free(&request->text);
  cal_buf_free(&request->body);
  return cal_free(request);
}

cal_span cal_http_request_field(const cal_http_request *request, const char *name) {
  size_t bytes = strlen(name);
  for (size_t i = 0; i < request->field_count; i++) {
    const cal_http_field *field = &request->fields[i];
    if (field->name.bytes == bytes && !strncasecmp(field->name.at, name, bytes)) return field->value;
  }
  return (cal_span){0};
}
