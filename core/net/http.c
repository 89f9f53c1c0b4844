#include "net/http.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/http_private.h"
#include "net/sockets.h"

#define ANSWER_CEILING (4 * 1024 * 1024)
#define REUSE_FOR_S 60L /* a connection idle for longer is not trusted any more */

/* ---- what curl asks and tells */

static int is_denied(cal_fetch *fetch, int is_private) {
  if (!fetch->deny_private || !is_private) return 0;
  fetch->was_denied = 1;
  return 1;
}

/* After the name was resolved, for every address that is tried. */
static curl_socket_t on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
  if (is_denied(context, cal_address_is_private(&address->addr))) return CURL_SOCKET_BAD;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Right before a request is sent, also on a kept connection somebody with more rights may have opened. */
static int on_ready_to_send(void *context, char *peer, char *own, int peer_port, int own_port) {
  cal_fetch *fetch = context;
  if (fetch->is_cancelled || (fetch->deny_private && is_denied(fetch, cal_address_is_private_text(peer))))
    return CURL_PREREQFUNC_ABORT;
  fetch->phase = CAL_HTTP_WAITING;
  return CURL_PREREQFUNC_OK;
}

static size_t on_read_body(char *room, size_t size, size_t count, void *context) {
  cal_fetch *fetch = context;
  size_t bytes = size * count, left = fetch->request_bytes - fetch->request_at;
  if (bytes > left) bytes = left;
  if (bytes) memcpy(room, fetch->request_body + fetch->request_at, bytes);
  fetch->request_at += bytes;
  return bytes;
}

/* curl rewinds the body to send a request once more. It must not: see http.h. */
static int on_seek_body(void *context, curl_off_t offset, int origin) {
  cal_fetch *fetch = context;
  return offset == (curl_off_t)fetch->request_at ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static size_t on_body(char *data, size_t size, size_t count, void *context) {
  cal_fetch *fetch = context;
  size_t bytes = size * count;
  if (fetch->is_cancelled) return 0;
  if (!fetch->on_data) {
    fetch->was_too_big = cal_buf_append(&fetch->body, data, bytes) != 0;
    return fetch->was_too_big ? 0 : bytes;
  }
  if (!bytes) return 0;
  int wish = fetch->on_data(fetch->context, data, bytes);
  if (wish == CAL_HTTP_PAUSE && !fetch->is_cancelled) return CURL_WRITEFUNC_PAUSE;
  fetch->was_stopped = wish != CAL_HTTP_CONTINUE;
  return fetch->was_stopped || fetch->is_cancelled ? 0 : bytes;
}

static void begin_answer(cal_fetch *fetch, const char *line, size_t bytes) {
  const char *space = memchr(line, ' ', bytes);
  fetch->status = 0;
  for (const char *at = space ? space + 1 : line + bytes; at < line + bytes && isdigit((unsigned char)*at);
       at++)
    fetch->status = fetch->status * 10 + (*at - '0');
  fetch->phase = CAL_HTTP_RECEIVING;
  fetch->field_count = 0;
  cal_buf_clear(&fetch->field_text);
}

/* Fields are offsets while their text may move; here they become pointers, into an array that is owned. */
static cal_http_field *fields_now(const cal_fetch *fetch) {
  cal_http_field *fields = cal_memdup(fetch->fields, (fetch->field_count + 1) * sizeof *fields);
  for (size_t i = 0; i < fetch->field_count; i++) {
    fields[i].name.at = fetch->field_text.data + (uintptr_t)fields[i].name.at;
    fields[i].value.at = fetch->field_text.data + (uintptr_t)fields[i].value.at;
  }
  return fields;
}

static void end_of_fields(cal_fetch *fetch) {
  int is_followed = fetch->follows && fetch->status >= 300 && fetch->status < 400;
  if (fetch->status < 200 || is_followed || !fetch->on_answer) return;
  cal_http_field *fields = fields_now(fetch);
  cal_http_result head = {.phase = CAL_HTTP_RECEIVING,
                          .text = "",
                          .was_sent = 1,
                          .status = fetch->status,
                          .fields = fields,
                          .field_count = fetch->field_count};
  fetch->on_answer(fetch->context, &head);
  cal_free(fields);
}

static int add_field(cal_fetch *fetch, const char *line, size_t bytes) {
  const char *colon = memchr(line, ':', bytes);
  if (!colon || fetch->field_count == CAL_HTTP_FIELDS_CEILING) return 0;
  size_t name_bytes = (size_t)(colon - line), at = name_bytes + 1;
  while (at < bytes && (line[at] == ' ' || line[at] == '\t')) at++;
  size_t start = fetch->field_text.bytes;
  if (cal_buf_append(&fetch->field_text, line, bytes)) return -1;
  if (cal_buf_append(&fetch->field_text, "", 1)) return -1;
  for (size_t i = 0; i < name_bytes; i++)
    fetch->field_text.data[start + i] = (char)tolower((unsigned char)fetch->field_text.data[start + i]);
  fetch->fields[fetch->field_count++] =
      (cal_http_field){.name = {.at = (const char *)(uintptr_t)start, .bytes = name_bytes},
                       .value = {.at = (const char *)(uintptr_t)(start + at), .bytes = bytes - at}};
  return 0;
}

static size_t on_header_line(char *line, size_t size, size_t count, void *context) {
  cal_fetch *fetch = context;
  size_t all = size * count, bytes = all;
  if (fetch->is_cancelled) return 0;
  while (bytes && isspace((unsigned char)line[bytes - 1])) bytes--;
  if (bytes > 5 && !memcmp(line, "HTTP/", 5))
    begin_answer(fetch, line, bytes);
  else if (!bytes)
    end_of_fields(fetch);
  else if (add_field(fetch, line, bytes))
    fetch->was_too_big = 1;
  return fetch->was_too_big || fetch->is_cancelled ? 0 : all;
}

/* ---- the end */

static int connect_error(cal_fetch *fetch) {
  long error = 0;
  curl_easy_getinfo(fetch->easy, CURLINFO_OS_ERRNO, &error);
  if (error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH) return -(int)error;
  return -ECONNREFUSED;
}

static int error_of(cal_fetch *fetch, CURLcode outcome) {
  if (fetch->was_denied) return -EACCES;
  if (fetch->was_stopped) return -ECANCELED;
  if (fetch->was_too_big) return -EMSGSIZE;
  switch (outcome) {
  case CURLE_OK:
    return 0;
  case CURLE_COULDNT_RESOLVE_HOST:
    return -ENOENT;
  case CURLE_COULDNT_CONNECT:
    return connect_error(fetch);
  case CURLE_OPERATION_TIMEDOUT:
    return -ETIMEDOUT;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
    return -EKEYREJECTED;
  case CURLE_GOT_NOTHING:
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
  case CURLE_PARTIAL_FILE:
  case CURLE_SEND_FAIL_REWIND:
    return -ECONNRESET;
  case CURLE_TOO_MANY_REDIRECTS:
    return -ELOOP;
  case CURLE_URL_MALFORMAT:
    return -EINVAL;
  default:
    return -EPROTO;
  }
}

static const char *text_of(cal_fetch *fetch, CURLcode outcome) {
  if (fetch->was_denied) return "the address is private; only serve --allow-private lets flows reach such";
  if (fetch->was_stopped) return "stopped by the receiver";
  if (fetch->was_too_big) return "the answer is too big";
  if (outcome == CURLE_OK) return "";
  return fetch->text[0] ? fetch->text : curl_easy_strerror(outcome);
}

void cal_fetch_done(cal_fetch *fetch, CURLcode outcome) {
  cal_slots_remove(fetch->multi->net->fetches, fetch->id);
  cal_http_field *fields = fields_now(fetch);
  int error = error_of(fetch, outcome);
  cal_http_result result = {.error = error,
                            .text = text_of(fetch, outcome),
                            .phase = error ? fetch->phase : CAL_HTTP_DONE,
                            .was_sent = fetch->phase != CAL_HTTP_CONNECTING,
                            .status = fetch->status,
                            .fields = fields,
                            .field_count = fetch->field_count,
                            .body = {.at = fetch->body.data, .bytes = fetch->body.bytes}};
  if (fetch->on_done) fetch->on_done(fetch->context, &result);
  cal_free(fields);
  cal_fetch_free(fetch);
}

void *cal_fetch_free(cal_fetch *fetch) {
  cal_list_remove(&fetch->node);
  curl_easy_cleanup(fetch->easy);
  curl_slist_free_all(fetch->sent_fields);
  cal_free(fetch->request_body);
  cal_buf_free(&fetch->field_text);
  cal_buf_free(&fetch->body);
  return cal_free(fetch);
}

/* ---- the start */

static int is_plain(cal_span span) {
  for (size_t i = 0; i < span.bytes; i++)
    if (span.at[i] == '\r' || span.at[i] == '\n' || !span.at[i]) return 0;
  return 1;
}

int cal_http_field_is_sound(const cal_http_field *field) {
  return field->name.bytes && is_plain(field->name) && is_plain(field->value);
}

static int add_sent_fields(cal_fetch *fetch, const cal_http_fetch_options *options) {
  cal_buf line;
  cal_buf_init(&line, CAL_HTTP_FIELD_BYTES_CEILING);
  fetch->sent_fields =
      curl_slist_append(NULL, "Expect:"); /* else curl waits for a 100 before a larger body */
  for (size_t i = 0; i < options->field_count; i++) {
    const cal_http_field *field = &options->fields[i];
    cal_buf_clear(&line);
    int code = cal_http_field_is_sound(field) ? 0 : -EINVAL;
    /* "name;" is how curl is told of an empty value */
    if (!code && !field->value.bytes)
      code = cal_buf_format(&line, "%.*s;", (int)field->name.bytes, field->name.at);
    else if (!code)
      code = cal_buf_format(&line, "%.*s: %.*s", (int)field->name.bytes, field->name.at,
                            (int)field->value.bytes, field->value.at);
    if (code) {
      cal_buf_free(&line);
      return cal_fail(-EINVAL, "a header field of the request is malformed or too long");
    }
    fetch->sent_fields = curl_slist_append(fetch->sent_fields, line.data);
  }
  cal_buf_free(&line);
  curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->sent_fields);
  return 0;
}

static void set_method(cal_fetch *fetch, const char *method, const cal_http_fetch_options *options) {
  CURL *easy = fetch->easy;
  fetch->is_safe = !strcmp(method, "GET") || !strcmp(method, "HEAD");
  if (!strcmp(method, "HEAD")) curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  if (options->body.bytes || !strcmp(method, "POST")) {
    fetch->request_body = cal_memdup(options->body.at, options->body.bytes);
    fetch->request_bytes = options->body.bytes;
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->request_bytes);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek_body);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, fetch);
  }
  if (strcmp(method, "HEAD")) curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
  int may_reuse = fetch->is_safe || (options->may_reuse && options->body.bytes);
  if (!may_reuse) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  fetch->follows = fetch->is_safe && options->redirects;
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, (long)fetch->follows);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)options->redirects);
}

static void set_limits(cal_fetch *fetch, const cal_http_fetch_options *options) {
  CURL *easy = fetch->easy;
  uint32_t timeout_ms = options->timeout_ms ? options->timeout_ms : 30000;
  uint32_t connect_ms = options->connect_timeout_ms ? options->connect_timeout_ms : 10000;
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, REUSE_FOR_S);
  cal_buf_init(&fetch->body, options->answer_ceiling_bytes ? options->answer_ceiling_bytes : ANSWER_CEILING);
  cal_buf_init(&fetch->field_text, CAL_HTTP_FIELD_BYTES_CEILING);
}

static void set_trust(cal_fetch *fetch, const cal_http_fetch_options *options) {
  CURL *easy = fetch->easy;
  const cal_net_options *net = &fetch->multi->net->options;
  if (net->ca_file) curl_easy_setopt(easy, CURLOPT_CAINFO, net->ca_file);
  if (net->skip_tls_verification) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  fetch->deny_private = options->deny_private;
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready_to_send);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, fetch);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  if (!options->user) return;
  curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
  curl_easy_setopt(easy, CURLOPT_USERNAME, options->user);
  curl_easy_setopt(easy, CURLOPT_PASSWORD, options->password ? options->password : "");
}

static void set_wire(cal_fetch *fetch) {
  CURL *easy = fetch->easy;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->text);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a cancelled look-up must not be waited for */
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "callisto/" CAL_VERSION);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header_line);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
}

int cal_sockets_fetch(cal_id *result, cal_net *net, const char *method,
                      const cal_http_fetch_options *options) {
  cal_fetch *fetch = cal_alloc(sizeof *fetch);
  fetch->multi = net->multi;
  fetch->easy = curl_easy_init();
  cal_list_init(&fetch->node);
  fetch->context = options->context;
  fetch->on_data = options->on_data;
  fetch->on_answer = options->on_answer;
  fetch->on_done = options->on_done;
  set_wire(fetch);
  set_limits(fetch, options);
  set_trust(fetch, options);
  set_method(fetch, method, options);
  int code = add_sent_fields(fetch, options);
  if (!code && curl_easy_setopt(fetch->easy, CURLOPT_URL, options->url))
    code = cal_fail(-EINVAL, "the URL is too long");
  if (!code && !(fetch->id = cal_slots_add(net->fetches, fetch)))
    code = cal_fail(-EAGAIN, "too many requests are under way");
  if (code) {
    cal_fetch_free(fetch);
    return code;
  }
  *result = fetch->id;
  cal_multi_add(net->multi, fetch);
  return 0;
}

int cal_sockets_cancel(cal_net *net, cal_id id) {
  cal_fetch *fetch = cal_slots_remove(net->fetches, id);
  if (!fetch) return cal_fail(-ENOENT, "this request is over");
  cal_multi_drop(net->multi, fetch);
  return 0;
}

int cal_sockets_resume(cal_net *net, cal_id id) {
  cal_fetch *fetch = cal_slots_get(net->fetches, id);
  if (!fetch) return cal_fail(-ENOENT, "this request is over");
  fetch->wants_resume = 1;
  cal_multi_chores_soon(net->multi);
  return 0;
}

/* ---- any net */

static int is_method(const char *method) {
  size_t bytes = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  return bytes && bytes < 16 && !method[bytes];
}

static int is_url(const char *url) {
  return url && (!strncasecmp(url, "http://", 7) || !strncasecmp(url, "https://", 8));
}

int cal_http_fetch(cal_id *result, cal_net *net, const cal_http_fetch_options *options) {
  const char *method = options->method ? options->method : options->body.bytes ? "POST" : "GET";
  if (!is_url(options->url)) return cal_fail(-EINVAL, "a URL begins with http:// or https://");
  if (!is_method(method)) return cal_fail(-EINVAL, "a method is a word in capitals, like POST");
  return net->driver->fetch(result, net, method, options);
}

int cal_http_cancel(cal_net *net, cal_id id) { return net->driver->cancel(net, id); }
int cal_http_resume(cal_net *net, cal_id id) { return net->driver->resume(net, id); }
uint32_t cal_http_under_way(cal_net *net) { return cal_slots_count(net->fetches); }
