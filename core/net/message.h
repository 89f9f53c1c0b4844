/* http_message: a request or an answer of HTTP that crosses planes: one object, one owner, all text copied.
 * Any thread. */
#ifndef CAL_NET_MESSAGE_H
#define CAL_NET_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/slots.h"
#include "net/server.h"

typedef struct cal_http_header {
  char *name; /* lower case */
  char *value;
} cal_http_header;

typedef struct cal_http_message {
  char *method;
  char *url;   /* outgoing: the whole URL; incoming: the target, as it was sent */
  char *path;  /* incoming: its part before the '?' */
  char *query; /* incoming: its part after the '?'; "" when there is none */
  char *peer;
  cal_asker *asker; /* incoming: one reference; NULL: it is not known who waits */
  int status;
  cal_http_header *headers;
  size_t header_count;
  char *body;
  size_t body_bytes;
  cal_id stream; /* an answer whose body is read piece by piece (CAL_COMMAND_HTTP_READ); 0: it is here */
  /* outgoing requests */
  int is_streamed;
  cal_id owner; /* of the stream: the call that asks; 0: a service VM */
  uint32_t timeout_ms, connect_timeout_ms;
  size_t answer_ceiling_bytes;
  int deny_private;
  char *user, *password;
} cal_http_message;

cal_http_message *cal_http_message_new(void);                           /* returns owned */
cal_http_message *cal_http_message_of(const cal_http_request *request); /* returns owned; all is copied */
void *cal_http_message_free(cal_http_message *message); /* takes; NULL is fine; returns NULL */
void cal_http_message_add_header(cal_http_message *message, const char *name, size_t name_bytes,
                                 const char *value, size_t value_bytes);
cal_http_field *
cal_http_message_fields(const cal_http_message *message); /* the array is owned, its texts borrowed */
void cal_http_message_set_body(cal_http_message *message, const void *body, size_t bytes);

#endif
