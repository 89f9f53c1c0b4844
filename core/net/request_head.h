/* request_head: the head of an HTTP/1.1 request, read strictly (RFC 9110, RFC 9112). Pure; any thread.
 *
 * A head that two readers could take differently is refused, because the proxy in front of us is the other
 * reader: lines end with CR LF and nothing else, a line that begins with a space (a folded field) and a space
 * before a colon are errors, control characters are errors, and so are two Hosts, two Content-Lengths, a
 * length beside a transfer coding, and a coding other than chunked.
 *
 * The target is kept byte for byte as it was sent. A path with a segment `.` or `..`, however it is encoded,
 * is refused; `//`, `%2F` and everything else stays what it is. */
#ifndef CAL_NET_REQUEST_HEAD_H
#define CAL_NET_REQUEST_HEAD_H

#include <stdint.h>
#include <sys/types.h>

#include "net/net.h"

#define CAL_HEAD_FIELDS_CEILING 100

typedef struct cal_head {
  const char *method;     /* static: GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS */
  cal_span target;        /* path and query as sent, "*" for OPTIONS; without the authority a proxy adds */
  cal_span path, query;   /* its two parts; the query without its '?' */
  cal_span host;          /* of the target, or of the Host field; `at` NULL: none (HTTP/1.0 only) */
  int minor;              /* of HTTP/1.x: 0, or 1 for everything later */
  int64_t content_length; /* -1: none was sent */
  int is_chunked, keeps_alive, expects_continue;
  cal_http_field fields[CAL_HEAD_FIELDS_CEILING]; /* in order, repeated ones apart; names in lower case */
  size_t field_count;
} cal_head;

/* How many bytes the head has, its empty line included; 0: the rest has not arrived; -1: it cannot become a
 * head. `scanned` begins at 0 and keeps how far the search has come. */
ssize_t cal_head_find_end(const char *data, size_t bytes, size_t *scanned);

/* 0, or the status the request is refused with: 400, 417, 431, 501, 505; `*why` is then a static sentence. The
 * spans point into `text`, where the names of fields are made lower case. `text` ends with its empty line. */
int cal_head_read(cal_head *head, char *text, size_t bytes, const char **why);

/* Is `word` one of the comma-separated words of these fields, whatever its case? */
int cal_head_lists(const cal_head *head, const char *name, const char *word);
/* The first field of that name; `at` is NULL when there is none. */
cal_span cal_head_field(const cal_head *head, const char *name);

int cal_span_lists(cal_span list, const char *word); /* the same for one value */
const char *cal_method_named(cal_span name);         /* static; NULL: a method that is not served */

#endif
