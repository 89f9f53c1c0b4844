/* fetches: the requests of scripts that are under way on an io thread. Loop thread only.
 *
 * The whole answer comes at once, or it is a stream: then the first answer has status and fields, and the script
 * asks for each piece of the body. What has come until then is kept, up to CAL_FETCH_KEPT_BYTES; beyond that the
 * peer waits. A stream that is asked for nothing in CAL_FETCH_LEASE_MS is closed: its script is gone. */
#ifndef CAL_IO_FETCHES_H
#define CAL_IO_FETCHES_H

#include "io/command.h"
#include "net/message.h"
#include "net/net.h"

#define CAL_FETCH_KEPT_BYTES (64 * 1024)
#define CAL_FETCH_LEASE_MS 30000
#define CAL_FETCH_STREAMS 4096 /* of an io thread; beyond them -EAGAIN */

typedef struct cal_fetches cal_fetches;

typedef struct cal_fetches_options {
  cal_loop *loop; /* borrowed */
  cal_net *net;   /* borrowed; closed before the fetches are freed */
  uint8_t tag;    /* of the streams' ids */
  void *context;
  /* Called once for each command but CLOSE; `asked` is the script's number of it. Takes the message (NULL: it
   * failed, and why). */
  void (*on_response)(void *context, cal_id asked, cal_http_message *message, int code, const char *text,
                      int was_sent);
} cal_fetches_options;

cal_fetches *cal_fetches_new(const cal_fetches_options *options); /* returns owned */
cal_fetches *cal_fetches_free(cal_fetches *fetches); /* those under way have failed; returns NULL */

/* CAL_COMMAND_HTTP_FETCH, _READ, _CLOSE; they borrow the command. */
void cal_fetches_start(cal_fetches *fetches, cal_command *command);
void cal_fetches_read(cal_fetches *fetches, const cal_command *command);
void cal_fetches_close(cal_fetches *fetches, const cal_command *command);

#endif
