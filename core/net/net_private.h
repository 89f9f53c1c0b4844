/* net_private: what the files of this module share. Nothing outside includes it. */
#ifndef CAL_NET_NET_PRIVATE_H
#define CAL_NET_NET_PRIVATE_H

#include <libwebsockets.h>

#include "base/list.h"
#include "base/metrics.h"
#include "base/slots.h"
#include "net/driver.h"
#include "net/net.h"

struct cal_multi;
struct cal_lws;

struct cal_net {
  cal_loop *loop;
  cal_net_options options; /* with the defaults filled in */
  const cal_net_driver *driver;
  cal_slots *fetches; /* outgoing requests, by id */
  cal_list servers;
  cal_list sockets; /* every cal_ws */
  /* of a net with sockets; else empty */
  char *ca_file;
  struct cal_lws *client;  /* outgoing WebSockets */
  struct cal_multi *multi; /* outgoing requests */
  char *input;             /* CAL_NET_INPUT_BYTES: what servers read into */
  int lives;               /* lws contexts that are not entirely gone */
  int lookups;             /* names being resolved in the thread pool */
};

#define CAL_NET_INPUT_BYTES (64 * 1024)

/* ---- the libwebsockets context of outgoing WebSockets */

typedef struct cal_lws {
  cal_net *net;
  struct lws_context *context; /* lws sets it to NULL when it is really gone */
  struct lws_vhost *vhost;
  lws_retry_bo_t ping;
  struct lws_protocols protocols[2]; /* one, and the end */
  uv_idle_t reaper;
  int turns;
} cal_lws;

int cal_lws_open(cal_lws **result, cal_net *net); /* -ENOSYS, -EINVAL, -EMFILE */
void cal_lws_close(cal_lws *lws); /* takes; the context goes over the next turns of the loop */

/* ---- clients */

int cal_ws_client_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                        size_t bytes);
int cal_multi_new(struct cal_multi **result, cal_net *net);
void *cal_multi_close(struct cal_multi *multi); /* takes; memory goes with its last handle; returns NULL */

static inline uint64_t cal_net_after(cal_net *net, uint64_t ms) {
  return cal_loop_now_ns(net->loop) + ms * CAL_MS;
}

#endif
