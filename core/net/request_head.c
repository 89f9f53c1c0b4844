#include "net/request_head.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_CEILING 18

/* What a token may be made of (RFC 9110, 5.6.2). */
static const unsigned char token_chars[256] = {['!'] = 1,         ['#' ... '\''] = 1, ['*' ... '+'] = 1,
                                               ['-' ... '.'] = 1, ['0' ... '9'] = 1,  ['A' ... 'Z'] = 1,
                                               ['^' ... 'z'] = 1, ['|'] = 1,          ['~'] = 1};

static int is_token(cal_span span) {
  for (size_t i = 0; i < span.bytes; i++)
    if (!token_chars[(unsigned char)span.at[i]]) return 0;
  return span.bytes > 0;
}

static int refuse(const char **why, int status, const char *sentence) {
  *why = sentence;
  return status;
}

/* ---- the end */

ssize_t cal_head_find_end(const char *data, size_t bytes, size_t *scanned) {
  if (bytes && !token_chars[(unsigned char)*data]) return -1; /* TLS on a plain port, say */
  while (*scanned < bytes) {
    const char *feed = memchr(data + *scanned, '\n', bytes - *scanned);
    size_t at = feed ? (size_t)(feed - data) : bytes;
    *scanned = feed ? at + 1 : bytes;
    if (!feed) return 0;
    if (!at || data[at - 1] != '\r') return -1;
    if (at >= 2 && data[at - 2] == '\n') return (ssize_t)at + 1;
  }
  return 0;
}

/* ---- the target */

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The character at `*at`, decoded; -1 when it is malformed. Moves on. */
static int next_char(const char **at, const char *end) {
  const char *c = *at;
  if (*c != '%') {
    (*at)++;
    return (unsigned char)*c;
  }
  if (end - c < 3 || hex(c[1]) < 0 || hex(c[2]) < 0) return -1;
  *at += 3;
  return hex(c[1]) << 4 | hex(c[2]);
}

/* A slash, encoded or not, and a backslash end a segment here: others take them for one. */
static int check_path(cal_span path, const char **why) {
  const char *at = path.at, *end = path.at + path.bytes;
  int dots = 0, others = 0;
  while (at < end) {
    int c = next_char(&at, end);
    if (c < 0)
      return refuse(why, 400, "a percent sign in the target is not followed by two hexadecimal digits");
    if (!c) return refuse(why, 400, "the path has a zero byte in it");
    int divides = c == '/' || c == '\\';
    if (divides && !others && dots && dots < 3) break;
    dots = divides ? 0 : dots + (c == '.');
    others = divides ? 0 : others + (c != '.');
  }
  if (!others && dots && dots < 3) return refuse(why, 400, "the path has a segment . or .. in it");
  return 0;
}

static int check_query(cal_span query, const char **why) {
  if (!query.bytes) return 0;
  const char *at = query.at, *end = query.at + query.bytes;
  while (at < end)
    if (next_char(&at, end) < 0)
      return refuse(why, 400, "a percent sign in the target is not followed by two hexadecimal digits");
  return 0;
}

static int is_authority(cal_span text) {
  for (size_t i = 0; i < text.bytes; i++) {
    char c = text.at[i];
    int is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!c || (!is_plain && !strchr("-._~!$&'()*+,;=:%[]", c))) return 0;
  }
  return 1;
}

/* "http://host/path", as it is sent to a proxy: the authority counts, whatever Host says (RFC 9112, 3.2.2). */
static int read_authority(cal_head *head, cal_span *target, const char **why) {
  size_t scheme = !strncasecmp(target->at, "http://", 7)    ? 7
                  : !strncasecmp(target->at, "https://", 8) ? 8
                                                            : 0;
  if (!scheme) return refuse(why, 400, "the target is neither a path nor a whole URL");
  const char *begin = target->at + scheme, *end = target->at + target->bytes, *at = begin;
  while (at < end && *at != '/' && *at != '?') at++;
  head->host = (cal_span){.at = begin, .bytes = (size_t)(at - begin)};
  *target = (cal_span){.at = at, .bytes = (size_t)(end - at)};
  if (!head->host.bytes || !is_authority(head->host))
    return refuse(why, 400, "the host in the target is malformed");
  return 0;
}

static int read_target(cal_head *head, cal_span target, const char **why) {
  for (size_t i = 0; i < target.bytes; i++)
    if ((unsigned char)target.at[i] <= ' ' || target.at[i] == 0x7f || target.at[i] == '#')
      return refuse(why, 400, "the target has a character in it that must be encoded");
  if (target.bytes == 1 && *target.at == '*') {
    head->target = head->path = target;
    return strcmp(head->method, "OPTIONS") ? refuse(why, 400, "only OPTIONS may have the target *") : 0;
  }
  int code = *target.at == '/' ? 0 : read_authority(head, &target, why);
  if (code) return code;
  const char *mark = target.bytes ? memchr(target.at, '?', target.bytes) : NULL;
  size_t path_bytes = mark ? (size_t)(mark - target.at) : target.bytes;
  head->target = target;
  head->path =
      path_bytes ? (cal_span){.at = target.at, .bytes = path_bytes} : (cal_span){.at = "/", .bytes = 1};
  if (mark) head->query = (cal_span){.at = mark + 1, .bytes = target.bytes - path_bytes - 1};
  if (!target.bytes) head->target = head->path;
  code = check_path(head->path, why);
  return code ? code : check_query(head->query, why);
}

/* ---- the request line */

const char *cal_method_named(cal_span name) {
  static const char *const served[] = {"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"};
  for (size_t i = 0; i < sizeof served / sizeof served[0]; i++)
    if (cal_span_is(name, served[i])) return served[i];
  return NULL;
}

static int read_version(cal_head *head, cal_span version, const char **why) {
  if (version.bytes != 8 || strncmp(version.at, "HTTP/", 5) || version.at[6] != '.' ||
      hex(version.at[5]) < 0 || hex(version.at[5]) > 9 || hex(version.at[7]) < 0 || hex(version.at[7]) > 9)
    return refuse(why, 400, "the request line does not end with HTTP/1.1");
  if (version.at[5] != '1') return refuse(why, 505, "only HTTP/1.1 and HTTP/1.0 are spoken");
  head->minor = version.at[7] == '0' ? 0 : 1;
  return 0;
}

static int read_request_line(cal_head *head, cal_span line, const char **why) {
  const char *end = line.at + line.bytes;
  const char *first = memchr(line.at, ' ', line.bytes);
  const char *second = first ? memchr(first + 1, ' ', (size_t)(end - first - 1)) : NULL;
  if (!second || second == first + 1)
    return refuse(why, 400,
                  "the request line is not a method, a target and a version with one space between them");
  cal_span method = {.at = line.at, .bytes = (size_t)(first - line.at)};
  cal_span target = {.at = first + 1, .bytes = (size_t)(second - first - 1)};
  int code = read_version(head, (cal_span){.at = second + 1, .bytes = (size_t)(end - second - 1)}, why);
  if (code) return code;
  if (!is_token(method)) return refuse(why, 400, "the method has a character in it that no method has");
  head->method = cal_method_named(method);
  if (!head->method) return refuse(why, 501, "this method is not served");
  return read_target(head, target, why);
}

/* ---- fields */

static int read_field(cal_head *head, char *at, char *end, const char **why) {
  char *colon = memchr(at, ':', (size_t)(end - at));
  cal_span name = {.at = at, .bytes = colon ? (size_t)(colon - at) : 0};
  if (!is_token(name))
    return refuse(why, 400, "a header line is not a name, a colon and a value, or begins with a space");
  for (char *c = at; c < colon; c++)
    if (*c >= 'A' && *c <= 'Z') *c += 'a' - 'A';
  char *value = colon + 1;
  while (value < end && (*value == ' ' || *value == '\t')) value++;
  while (end > value && (end[-1] == ' ' || end[-1] == '\t')) end--;
  for (const char *c = value; c < end; c++)
    if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
      return refuse(why, 400, "a header field has a control character in it");
  if (head->field_count == CAL_HEAD_FIELDS_CEILING)
    return refuse(why, 431, "there are more than 100 header fields");
  head->fields[head->field_count++] =
      (cal_http_field){.name = name, .value = {.at = value, .bytes = (size_t)(end - value)}};
  return 0;
}

cal_span cal_head_field(const cal_head *head, const char *name) {
  for (size_t i = 0; i < head->field_count; i++)
    if (cal_span_is(head->fields[i].name, name)) return head->fields[i].value;
  return (cal_span){0};
}

static size_t count(const cal_head *head, const char *name) {
  size_t found = 0;
  for (size_t i = 0; i < head->field_count; i++) found += (size_t)cal_span_is(head->fields[i].name, name);
  return found;
}

int cal_span_lists(cal_span list, const char *word) {
  size_t bytes = strlen(word);
  const char *at = list.at, *end = list.at + list.bytes;
  while (at < end) {
    const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end;
    while (at < stop && (*at == ' ' || *at == '\t')) at++;
    size_t length = (size_t)(stop - at);
    while (length && (at[length - 1] == ' ' || at[length - 1] == '\t')) length--;
    if (length == bytes && !strncasecmp(at, word, bytes)) return 1;
    at = stop + 1;
  }
  return 0;
}

int cal_head_lists(const cal_head *head, const char *name, const char *word) {
  for (size_t i = 0; i < head->field_count; i++)
    if (cal_span_is(head->fields[i].name, name) && cal_span_lists(head->fields[i].value, word)) return 1;
  return 0;
}

/* ---- what the fields mean */

static int read_host(cal_head *head, const char **why) {
  size_t hosts = count(head, "host");
  cal_span host = cal_head_field(head, "host");
  if (hosts > 1) return refuse(why, 400, "there is more than one Host");
  if (!hosts && head->minor) return refuse(why, 400, "the Host is missing");
  if (!is_authority(host)) return refuse(why, 400, "the Host is malformed");
  if (!head->host.at) head->host = host;
  return 0;
}

static int read_length(cal_head *head, const char **why) {
  cal_span length = cal_head_field(head, "content-length");
  head->content_length = -1;
  if (!length.at) return 0;
  if (count(head, "content-length") > 1) return refuse(why, 400, "there is more than one Content-Length");
  if (!length.bytes) return refuse(why, 400, "the Content-Length is not a number");
  for (size_t i = 0; i < length.bytes; i++)
    if (length.at[i] < '0' || length.at[i] > '9')
      return refuse(why, 400, "the Content-Length is not a number");
  if (length.bytes > LENGTH_DIGITS_CEILING) return refuse(why, 413, "the body is too big");
  head->content_length = 0;
  for (size_t i = 0; i < length.bytes; i++)
    head->content_length = head->content_length * 10 + length.at[i] - '0';
  return 0;
}

static int read_coding(cal_head *head, const char **why) {
  cal_span coding = cal_head_field(head, "transfer-encoding");
  if (!coding.at) return 0;
  if (head->content_length >= 0)
    return refuse(why, 400, "there is a Content-Length beside a Transfer-Encoding");
  if (!head->minor) return refuse(why, 400, "HTTP/1.0 has no Transfer-Encoding");
  if (count(head, "transfer-encoding") > 1)
    return refuse(why, 400, "there is more than one Transfer-Encoding");
  if (coding.bytes != 7 || strncasecmp(coding.at, "chunked", 7))
    return refuse(why, 501, "no Transfer-Encoding but chunked is understood");
  head->is_chunked = 1;
  return 0;
}

static int read_expectation(cal_head *head, const char **why) {
  cal_span expected = cal_head_field(head, "expect");
  if (!expected.at || !head->minor) return 0;
  if (expected.bytes != 12 || strncasecmp(expected.at, "100-continue", 12))
    return refuse(why, 417, "nothing but 100-continue can be expected");
  head->expects_continue = head->is_chunked || head->content_length > 0;
  return 0;
}

static int read_meaning(cal_head *head, const char **why) {
  int code = read_host(head, why);
  if (!code) code = read_length(head, why);
  if (!code) code = read_coding(head, why);
  if (!code) code = read_expectation(head, why);
  head->keeps_alive = !cal_head_lists(head, "connection", "close") &&
                      (head->minor || cal_head_lists(head, "connection", "keep-alive"));
  return code;
}

int cal_head_read(cal_head *head, char *text, size_t bytes, const char **why) {
  char *end = text + bytes;
  char *feed = memchr(text, '\n', bytes);
  *head = (cal_head){0};
  int code = read_request_line(head, (cal_span){.at = text, .bytes = (size_t)(feed - text) - 1}, why);
  while (!code) {
    char *line = feed + 1;
    feed = memchr(line, '\n', (size_t)(end - line));
    if (feed == line + 1) return read_meaning(head, why);
    code = read_field(head, line, feed - 1, why);
  }
  return code;
}
