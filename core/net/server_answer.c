/* An answer as bytes: status line, fields and body in one piece, so that it leaves in one write. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "net/server_private.h"

static const char *phrase(int status) {
  static const struct {
    int status;
    const char *phrase;
  } known[] = {{200, "OK"},
               {201, "Created"},
               {202, "Accepted"},
               {204, "No Content"},
               {301, "Moved Permanently"},
               {302, "Found"},
               {303, "See Other"},
               {304, "Not Modified"},
               {307, "Temporary Redirect"},
               {308, "Permanent Redirect"},
               {400, "Bad Request"},
               {401, "Unauthorized"},
               {402, "Payment Required"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {406, "Not Acceptable"},
               {408, "Request Timeout"},
               {409, "Conflict"},
               {410, "Gone"},
               {411, "Length Required"},
               {412, "Precondition Failed"},
               {413, "Content Too Large"},
               {414, "URI Too Long"},
               {415, "Unsupported Media Type"},
               {417, "Expectation Failed"},
               {422, "Unprocessable Content"},
               {426, "Upgrade Required"},
               {429, "Too Many Requests"},
               {431, "Request Header Fields Too Large"},
               {500, "Internal Server Error"},
               {501, "Not Implemented"},
               {502, "Bad Gateway"},
               {503, "Service Unavailable"},
               {504, "Gateway Timeout"},
               {505, "HTTP Version Not Supported"}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (known[i].status == status) return known[i].phrase;
  return "Status";
}

static int is_clean(cal_span span) {
  for (size_t i = 0; i < span.bytes; i++) {
    unsigned char c = (unsigned char)span.at[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f) return 0;
  }
  return 1;
}

static int write_fields(cal_buf *into, const cal_http_answer *answer) {
  for (size_t i = 0; i < answer->field_count; i++) {
    const cal_http_field *field = &answer->fields[i];
    if (!field->name.bytes || !is_clean(field->name) || !is_clean(field->value))
      return cal_fail(-EINVAL, "a header field of the answer has control characters in it");
    int code = cal_buf_append(into, field->name.at, field->name.bytes);
    if (!code) code = cal_buf_append(into, ": ", 2);
    if (!code && field->value.bytes) code = cal_buf_append(into, field->value.at, field->value.bytes);
    if (!code) code = cal_buf_append(into, "\r\n", 2);
    if (code) return code;
  }
  return 0;
}

static int has_body(const cal_http_answer *answer) { return answer->status != 204 && answer->status != 304; }

int cal_answer_is_open(const cal_http_answer *answer, cal_answer_manner manner) {
  return answer->is_open && has_body(answer) && manner != CAL_ANSWER_HEAD;
}

/* How its end is known. That of an open one to an old client is the end of the connection. */
static int write_framing(cal_buf *into, const cal_http_answer *answer, cal_answer_manner manner) {
  if (!has_body(answer)) return 0;
  if (!answer->is_open) return cal_buf_format(into, "content-length: %zu\r\n", answer->body.bytes);
  return manner == CAL_ANSWER_OLD ? 0 : cal_buf_text(into, "transfer-encoding: chunked\r\n");
}

int cal_answer_write(cal_buf *into, const cal_http_answer *answer, cal_answer_manner manner,
                     const char *connection) {
  if (answer->status < 200 || answer->status > 599)
    return cal_fail(-EINVAL, "%d is not the status of an answer (200 to 599)", answer->status);
  cal_buf_clear(into);
  int code = cal_buf_format(into, "HTTP/1.1 %d %s\r\n", answer->status, phrase(answer->status));
  if (!code) code = write_fields(into, answer);
  if (!code) code = write_framing(into, answer, manner);
  if (!code && connection) code = cal_buf_format(into, "connection: %s\r\n", connection);
  if (!code) code = cal_buf_append(into, "\r\n", 2);
  int is_whole = has_body(answer) && !answer->is_open && manner != CAL_ANSWER_HEAD;
  if (!code && is_whole && answer->body.bytes)
    code = cal_buf_append(into, answer->body.at, answer->body.bytes);
  return code;
}

const cal_http_answer *cal_problem_say(cal_problem *problem, int status, const char *detail) {
  int bytes = snprintf(problem->body, sizeof problem->body,
                       "{\"type\":\"about:blank\",\"status\":%d,\"title\":\"%s\",\"detail\":\"%s\"}\n",
                       status, phrase(status), detail);
  problem->fields[0] = (cal_http_field){cal_span_of("content-type"), cal_span_of("application/problem+json")};
  problem->fields[1] = (cal_http_field){cal_span_of("retry-after"), cal_span_of("1")};
  problem->answer = (cal_http_answer){.status = status,
                                      .fields = problem->fields,
                                      .field_count = status == 503 ? 2 : 1,
                                      .body = {problem->body, (size_t)bytes}};
  return &problem->answer;
}
