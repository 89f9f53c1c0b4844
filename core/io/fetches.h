/* fetches: the requests of scripts that are under way on an io thread. Loop thread only. */
#ifndef CAL_IO_FETCHES_H
#define CAL_IO_FETCHES_H

#include "io/command.h"
#include "net/message.h"
#include "net/net.h"

typedef struct cal_fetches cal_fetches;

typedef struct cal_fetches_options {
  cal_net *net; /* borrowed; closed before the fetches are freed */
  void *context;
  /* Called once for each command; `asked` is its target. Takes the message (NULL: it failed, and why). */
  void (*on_response)(void *context, cal_id asked, cal_http_message *message, int code, const char *text,
                      int was_sent);
} cal_fetches_options;

cal_fetches *cal_fetches_new(const cal_fetches_options *options); /* returns owned */
cal_fetches *cal_fetches_free(cal_fetches *fetches); /* those under way have failed; returns NULL */

void cal_fetches_start(cal_fetches *fetches, cal_command *command); /* CAL_COMMAND_HTTP_FETCH; borrows it */

#endif
