/* A WebSocket echo server of nothing but core/net: what the engine's own sockets cost beside echo_lws and
 * echo_epoll.
 *
 *   echo_net PORT          prints "ready PORT"; ends with SIGTERM or SIGINT and prints its CPU time as JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/server.h"

static uint64_t messages, lost;

typedef struct line {
  cal_ws *ws;
} line;

static void on_open(void *context, cal_ws *ws) { ((line *)context)->ws = ws; }

static void on_message(void *context, char *data, size_t bytes, int is_binary) {
  messages++;
  if (cal_ws_send_copy(((line *)context)->ws, data, bytes, is_binary ? CAL_WS_BINARY : CAL_WS_TEXT)) lost++;
}

static void on_close(void *context, const cal_ws_end *end) { cal_free(context); }

static int on_upgrade(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  upgrade->handlers = (cal_ws_handlers){
      .context = cal_alloc(sizeof(line)), .on_open = on_open, .on_message = on_message, .on_close = on_close};
  return 0;
}

static void on_signal(uv_signal_t *handle, int number) { cal_loop_stop(handle->data); }

static void print_cpu(void) {
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  double user = (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec / 1e6;
  double sys = (double)use.ru_stime.tv_sec + (double)use.ru_stime.tv_usec / 1e6;
  printf("{\"messages\":%llu,\"lost\":%llu,\"user_s\":%.3f,\"system_s\":%.3f,\"us_per_message\":%.2f}\n",
         (unsigned long long)messages, (unsigned long long)lost, user, sys,
         messages ? (user + sys) * 1e6 / (double)messages : 0.0);
}

int main(int count, char **arguments) {
  cal_loop *loop;
  cal_net *net;
  cal_server *server;
  uv_signal_t term, interrupt;
  cal_server_options options = {.host = "127.0.0.1",
                                .port = count > 1 ? atoi(arguments[1]) : 9001,
                                .cert_file = count > 3 ? arguments[2] : NULL,
                                .key_file = count > 3 ? arguments[3] : NULL,
                                .on_upgrade = on_upgrade};
  if (cal_loop_new(&loop, cal_clock_real()) || cal_net_new(&net, loop, NULL) ||
      cal_server_listen(&server, net, &options)) {
    fprintf(stderr, "%s\n", cal_error_text());
    return 1;
  }
  uv_signal_init(cal_loop_uv(loop), &term);
  uv_signal_init(cal_loop_uv(loop), &interrupt);
  term.data = interrupt.data = loop;
  uv_signal_start(&term, on_signal, SIGTERM);
  uv_signal_start(&interrupt, on_signal, SIGINT);
  printf("ready %d\n", cal_server_port(server));
  fflush(stdout);
  cal_loop_run(loop);
  print_cpu();
  fflush(stdout);
  _Exit(0);
}
