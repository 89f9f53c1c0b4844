/* Where a WebSocket leads: its URL and fields, read and checked before a driver sees them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/net_private.h"

#define URL_CEILING 4096
#define FIELDS_CEILING 4096

/* ---- the URL */

static char *url_part(CURLU *url, CURLUPart part, unsigned flags) {
  char *text = NULL;
  if (curl_url_get(url, part, &text, flags)) return NULL;
  char *copy = cal_strdup(text);
  curl_free(text);
  return copy;
}

static void read_host(cal_ws_target *target, char *host, char *port) {
  int default_port = target->is_tls ? 443 : 80;
  target->port = port ? atoi(port) : default_port;
  cal_buf name;
  cal_buf_init(&name, URL_CEILING + 16);
  cal_buf_text(&name, host);
  if (target->port != default_port) cal_buf_format(&name, ":%d", target->port);
  target->host_header = cal_buf_take(&name);
  size_t bytes = strlen(host);
  int is_bracketed = bytes > 2 && host[0] == '[';
  target->host = is_bracketed ? cal_strndup(host + 1, bytes - 2) : cal_strdup(host);
}

/* curl would also make something of "ws:/host". */
static int begins_well(const char *text) {
  return !strncasecmp(text, "ws://", 5) || !strncasecmp(text, "wss://", 6);
}

static int read_url(cal_ws_target *target, const char *text) {
  CURLU *url = curl_url();
  int code = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
  char *scheme = url_part(url, CURLUPART_SCHEME, 0), *host = url_part(url, CURLUPART_HOST, 0);
  char *port = url_part(url, CURLUPART_PORT, 0), *path = url_part(url, CURLUPART_PATH, 0);
  char *query = url_part(url, CURLUPART_QUERY, 0);
  target->is_tls = scheme && !strcmp(scheme, "wss");
  int is_good = !code && host && path && begins_well(text);
  if (is_good) {
    read_host(target, host, port);
    cal_buf whole;
    cal_buf_init(&whole, 2 * URL_CEILING);
    cal_buf_format(&whole, "%s%s%s", path, query ? "?" : "", query ? query : "");
    target->path = cal_buf_take(&whole);
  }
  cal_free(scheme);
  cal_free(host);
  cal_free(port);
  cal_free(path);
  cal_free(query);
  curl_url_cleanup(url);
  return is_good ? 0 : cal_fail(-EINVAL, "a WebSocket URL looks like wss://host/path, not like %.100s", text);
}

/* ---- the fields */

static int has_line_break(cal_span span) {
  for (size_t i = 0; i < span.bytes; i++)
    if (span.at[i] == '\r' || span.at[i] == '\n' || !span.at[i]) return 1;
  return 0;
}

static int read_fields(cal_ws_target *target, const cal_ws_connect_options *options) {
  cal_buf_init(&target->fields, FIELDS_CEILING);
  for (size_t i = 0; i < options->field_count; i++) {
    const cal_http_field *field = &options->fields[i];
    if (has_line_break(field->name) || has_line_break(field->value) || !field->name.bytes)
      return cal_fail(-EINVAL, "a header field of the WebSocket is malformed");
    if (cal_buf_format(&target->fields, "%.*s: %.*s\r\n", (int)field->name.bytes, field->name.at,
                       (int)field->value.bytes, field->value.at))
      return cal_fail(-EINVAL, "the header fields of a WebSocket have at most %d bytes together",
                      FIELDS_CEILING);
  }
  return 0;
}

/* ---- both */

void cal_ws_target_free(cal_ws_target *target) {
  cal_free(target->host);
  cal_free(target->host_header);
  cal_free(target->path);
  cal_buf_free(&target->fields);
}

int cal_ws_target_read(cal_ws_target *target, const cal_ws_connect_options *options) {
  *target = (cal_ws_target){0};
  if (!options->url || strlen(options->url) > URL_CEILING)
    return cal_fail(-EINVAL, "a WebSocket needs a URL of at most 4 KiB");
  int code = read_url(target, options->url);
  if (!code) code = read_fields(target, options);
  if (code) cal_ws_target_free(target);
  return code;
}

int cal_ws_connect(cal_ws **result, cal_net *net, const cal_ws_connect_options *options) {
  cal_ws_target target;
  int code = cal_ws_target_read(&target, options);
  return code ? code : net->driver->connect(result, net, options, &target);
}
