#include "net/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"

static const char system_authorities[] = "/etc/ssl/certs/ca-certificates.crt";

#define DESCRIPTORS_TO_START 16 /* what a net opens for itself, and some */

/* When descriptors run out while libwebsockets starts, it takes its plugin away while the loop still calls into it. */
static int check_descriptors(void) {
  int fds[DESCRIPTORS_TO_START], count = 0;
  while (count < DESCRIPTORS_TO_START && (fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) count++;
  for (int i = 0; i < count; i++) close(fds[i]);
  return count == DESCRIPTORS_TO_START
             ? 0
             : cal_fail(-EMFILE,
                        "too few file descriptors are left to start with: raise the limit (ulimit -n)");
}

static void count_closing(uv_handle_t *handle, void *count) { *(int *)count += uv_is_closing(handle); }

static int closing_handles(cal_net *net) {
  int count = 0;
  uv_walk(cal_loop_uv(net->loop), count_closing, &count);
  return count;
}

static void close_all(cal_net *net) {
  if (net->multi) net->multi = cal_multi_close(net->multi);
  if (net->client) cal_lws_close(net->client);
  net->client = NULL;
  while (net->lives || net->lookups || closing_handles(net))
    uv_run(cal_loop_uv(net->loop), net->lives ? UV_RUN_NOWAIT : UV_RUN_ONCE);
  cal_free(net->ca_file);
  cal_free(net->input);
}

static int open_all(cal_net *net) {
  if (net->options.ca_file)
    net->ca_file = cal_strdup(net->options.ca_file);
  else if (!access(system_authorities, R_OK))
    net->ca_file = cal_strdup(system_authorities);
  net->options.ca_file = net->ca_file;
  net->input = cal_alloc(CAL_NET_INPUT_BYTES);
  int code = check_descriptors();
  if (!code) code = cal_lws_open(&net->client, net);
  if (!code) code = cal_multi_new(&net->multi, net);
  if (code) close_all(net);
  return code;
}

/* Close frames are written when the loop next finds the sockets writable; a healthy one is at once. */
static void flush(cal_net *net) {
  for (int turn = 0; turn < 4; turn++) uv_run(cal_loop_uv(net->loop), UV_RUN_NOWAIT);
}

const cal_net_driver cal_sockets_driver = {
    .open = open_all,
    .flush = flush,
    .close = close_all,
    .fetch = cal_sockets_fetch,
    .cancel = cal_sockets_cancel,
    .resume = cal_sockets_resume,
    .listen = cal_sockets_listen,
    .stop_listening = cal_sockets_stop_listening,
    .cut = cal_sockets_cut,
    .reply = cal_sockets_reply,
    .piece = cal_sockets_piece,
    .connect = cal_sockets_connect,
};
