/* http: requests of our own, to carriers, vendors and the hosts scripts talk to.
 *
 * The answer is collected up to a ceiling, or streamed to on_data as it arrives (server-sent events, audio).
 * Connections are kept and shared; HTTP/2 is spoken over TLS when the server does.
 *
 * A request is sent once and never repeated here: not after a time-out, not after a reset. The library
 * underneath would repeat a request by itself when a kept connection turns out to be dead; therefore requests
 * that change something (any method but GET and HEAD) get a connection of their own making, unless may_reuse
 * says that latency matters more; and then their body can be read only once, so that a repetition fails
 * instead of being sent, and one without a body still gets a new connection. GET and HEAD may be repeated
 * that way, once, before a byte of answer was seen.
 *
 * `was_sent` tells a failure that cannot have reached the peer (no such name, refused, connecting took too
 * long, TLS) from one that may have (reset or time-out after sending): the difference between "not placed"
 * and "unknown".
 *
 * No proxy is used and no environment variable read. Loop thread only. */
#ifndef CAL_NET_HTTP_H
#define CAL_NET_HTTP_H

#include "base/slots.h"
#include "net/net.h"

typedef enum cal_http_phase {
  CAL_HTTP_CONNECTING,
  CAL_HTTP_WAITING,
  CAL_HTTP_RECEIVING,
  CAL_HTTP_DONE
} cal_http_phase;

/* All borrowed until on_done returns. */
typedef struct cal_http_result {
  /* 0: an answer, whatever its status. -ENOENT no such name; -ECONNREFUSED; -EHOSTUNREACH; -ETIMEDOUT (phase
   * says when); -ECONNRESET; -EKEYREJECTED TLS; -EACCES address denied; -EMSGSIZE answer too big; -ECANCELED
   * by on_data; -EPROTO nonsense */
  int error;
  const char *text;             /* a sentence for people; "" when all is well */
  cal_http_phase phase;         /* how far it got */
  int was_sent;                 /* the peer may have seen the request, all or part of it */
  int status;                   /* 0 without an answer */
  const cal_http_field *fields; /* names in lower case; of the last answer when redirected */
  size_t field_count;
  cal_span body; /* empty when on_data took it */
} cal_http_result;

#define CAL_HTTP_CONTINUE 0
#define CAL_HTTP_PAUSE 1 /* not taken: give it again after cal_http_resume */
#define CAL_HTTP_STOP 2  /* enough: the request ends with -ECANCELED */

/* "Name: value\n…", NULL: none; at most so many. Returns how many there are; they borrow the text. */
size_t cal_http_fields_read(cal_http_field *fields, size_t most, const char *text);

/* Zero means the default, which stands behind each. Everything is copied. */
typedef struct cal_http_fetch_options {
  const char *method; /* "GET", or "POST" when there is a body */
  const char *url;    /* http:// or https:// */
  const cal_http_field *fields;
  size_t field_count;
  cal_span body;
  uint32_t timeout_ms;         /* from start to end; 30,000 */
  uint32_t connect_timeout_ms; /* name, connection and TLS; 10,000 */
  size_t answer_ceiling_bytes; /* 4 MiB; not applied to what on_data takes */
  const char *user, *password; /* basic authentication, sent at once */
  uint32_t redirects;          /* followed at most, for GET and HEAD only; 0 */
  int deny_private; /* refuse private, loopback, link-local and metadata addresses, after the name was
                       resolved and on every redirect and kept connection (-EACCES, nothing sent) */
  int may_reuse;    /* a request that changes something may use a kept connection, see above */
  void *context;
  int (*on_data)(void *context, const char *data, size_t bytes); /* CAL_HTTP_…; may be NULL */
  /* All fields are in, the body follows: status and fields are filled in. May be NULL. */
  void (*on_answer)(void *context, const cal_http_result *head);
  void (*on_done)(void *context, const cal_http_result *result); /* exactly once, unless cancelled */
} cal_http_fetch_options;

/* on_done never comes from inside. -EINVAL, -EAGAIN (too many under way). */
int cal_http_fetch(cal_id *result, cal_net *net, const cal_http_fetch_options *options);
int cal_http_cancel(cal_net *net,
                    cal_id id); /* no callback comes after it; -ENOENT: already over. Also from a callback. */
int cal_http_resume(cal_net *net, cal_id id);
uint32_t cal_http_under_way(cal_net *net);

#endif
