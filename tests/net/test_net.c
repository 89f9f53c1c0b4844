/* The life of a net: nothing is left behind, many connections leave memory flat, two threads share a port. */
#include "net/kit.h"

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

static int open_descriptors(void) {
  int count = 0;
  DIR *folder = opendir("/proc/self/fd");
  while (readdir(folder)) count++;
  closedir(folder);
  return count;
}

static void on_request_now(void *context, const cal_http_request *request) {
  cal_server_reply(*(cal_server **)context, request->id,
                   &(cal_http_answer){.status = 200, .body = cal_span_of("ok")});
}

static void starting_and_stopping_leaves_nothing_open(void **state) {
  int before = 0;
  for (int i = 0; i < 6; i++) {
    kit k;
    cal_server *server;
    kit_open(&k, NULL);
    server = kit_serve(&k, (cal_server_options){.context = &server, .on_request = on_request_now});
    raw *r = raw_open(cal_server_port(server));
    raw_say(r, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    WAIT_FOR(&k, raw_has(r, "ok"));
    kit_close(&k);
    raw_close(r);
    if (i == 1) before = open_descriptors();
  }
  assert_int_equal(open_descriptors(), before);
}

/* lws closes a descriptor of its own twice. Whoever got that number in between must keep his file. */
static void closing_a_net_closes_nobody_elses_descriptor(void **state) {
  kit a, b;
  kit_open(&a, NULL);
  kit_serve(&a, (cal_server_options){0});
  kit_open(&b, NULL);
  cal_server *server = kit_serve(&b, (cal_server_options){.context = &server, .on_request = on_request_now});
  kit_close(&a);
  for (int i = 0; i < 5; i++) {
    raw *r = raw_open(cal_server_port(server));
    raw_say(r, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    WAIT_FOR(&b, raw_has(r, "ok"));
    raw_close(r);
  }
  kit_close(&b);
}

static void wrong_options_are_told(void **state) {
  cal_loop *loop = NULL;
  cal_net *net = NULL;
  cal_loop_new(&loop, cal_clock_real());
  assert_int_equal(cal_net_new(&net, loop, &(cal_net_options){.ca_file = "/no/such/file"}), -ENOENT);
  assert_int_equal(cal_net_new(&net, loop, &(cal_net_options){.header_ceiling_bytes = 70000}), -EINVAL);
  assert_int_equal(cal_net_new(&net, loop, &(cal_net_options){.ping_after_s = 10, .dead_after_s = 5}),
                   -EINVAL);
  assert_null(net);
  assert_null(cal_net_close(NULL));
  assert_int_equal(cal_loop_free(loop), 0);
}

/* ---- memory */

typedef struct crowd {
  kit k;
  cal_server *server;
  int opened, closed;
} crowd;

static void on_open(void *context, cal_ws *ws) {
  crowd *c = context;
  c->opened++;
  cal_ws_send_copy(ws, "hello", 5, CAL_WS_TEXT);
}

static void on_message(void *context, char *data, size_t bytes, int is_binary) {}
static void on_close(void *context, const cal_ws_end *end) { ((crowd *)context)->closed++; }

static int on_upgrade(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  upgrade->handlers = (cal_ws_handlers){
      .context = context, .on_open = on_open, .on_message = on_message, .on_close = on_close};
  return 0;
}

static void open_and_close(crowd *c, int count, const char *url) {
  static cal_ws *sockets[500];
  c->opened = c->closed = 0;
  cal_ws_connect_options options = {
      .url = url,
      .handlers = {.context = c, .on_open = on_open, .on_message = on_message, .on_close = on_close}};
  for (int i = 0; i < count; i++) assert_int_equal(cal_ws_connect(&sockets[i], c->k.net, &options), 0);
  WAIT_FOR(&c->k, c->opened == 2 * count);
  for (int i = 0; i < count; i++) cal_ws_close(sockets[i], 1000, "");
  WAIT_FOR(&c->k, c->closed == 2 * count);
  WAIT_FOR(&c->k, cal_server_connections(c->server) == 0);
}

static void many_connections_leave_memory_flat(void **state) {
  crowd c = {0};
  char url[64];
  kit_open(&c.k, NULL);
  c.server = kit_serve(&c.k, (cal_server_options){.context = &c, .on_upgrade = on_upgrade});
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", cal_server_port(c.server));
  open_and_close(&c, 500, url);
  size_t before = mallinfo2().uordblks;
  int descriptors = open_descriptors();
  for (int i = 0; i < 3; i++) open_and_close(&c, 500, url);
  size_t after = mallinfo2().uordblks;
  assert_int_equal(open_descriptors(), descriptors);
  if (after > before + 64 * 1024) fail_msg("%zu bytes more after 1,500 connections", after - before);
  kit_close(&c.k);
}

/* ---- threads */

typedef struct worker {
  pthread_t thread;
  cal_loop *loop;
  cal_net *net;
  cal_server *server;
  int messages, sockets;
} worker;

static void on_worker_message(void *context, char *data, size_t bytes, int is_binary) {
  ((worker *)context)->messages++;
}
static void on_worker_open(void *context, cal_ws *ws) {
  ((worker *)context)->sockets++;
  cal_ws_send_copy(ws, "welcome", 7, CAL_WS_TEXT);
}

static int on_worker_upgrade(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  upgrade->handlers =
      (cal_ws_handlers){.context = context, .on_open = on_worker_open, .on_message = on_worker_message};
  return 0;
}

static void *work(void *context) {
  worker *w = context;
  cal_loop_run(w->loop);
  return NULL;
}

typedef struct caller {
  int messages, closed;
  cal_ws *ws;
} caller;

static void on_caller_open(void *context, cal_ws *ws) { ((caller *)context)->ws = ws; }
static void on_caller_message(void *context, char *data, size_t bytes, int is_binary) {
  caller *c = context;
  c->messages++;
  cal_ws_send_copy(c->ws, "thanks", 6, CAL_WS_TEXT);
}
static void on_caller_close(void *context, const cal_ws_end *end) { ((caller *)context)->closed++; }

/* Nets are made here, one after the other, and each is then used by its own thread: servers for plain and TLS
 * sockets on shared ports, called by a third net on this thread. */
static void share_a_port(papers *p) {
  enum { CALLERS = 60 };
  worker workers[2] = {{0}};
  static caller callers[CALLERS];
  memset(callers, 0, sizeof callers);
  int port = 0;
  kit k;
  kit_open(&k, &(cal_net_options){.ca_file = p ? p->cert : NULL});
  for (int i = 0; i < 2; i++) {
    worker *w = &workers[i];
    cal_loop_new(&w->loop, cal_clock_real());
    assert_int_equal(cal_net_new(&w->net, w->loop, NULL), 0);
    cal_server_options options = {
        .host = "127.0.0.1", .port = port, .reuse_port = 1, .context = w, .on_upgrade = on_worker_upgrade};
    if (p) {
      options.cert_file = p->cert;
      options.key_file = p->key;
    }
    if (cal_server_listen(&w->server, w->net, &options)) fail_msg("%s", cal_error_text());
    port = cal_server_port(w->server);
  }
  for (int i = 0; i < 2; i++) pthread_create(&workers[i].thread, NULL, work, &workers[i]);
  char url[64];
  snprintf(url, sizeof url, "%s://localhost:%d/", p ? "wss" : "ws", port);
  for (int i = 0; i < CALLERS; i++) {
    cal_ws_connect_options options = {.url = url,
                                      .handlers = {.context = &callers[i],
                                                   .on_open = on_caller_open,
                                                   .on_message = on_caller_message,
                                                   .on_close = on_caller_close}};
    assert_int_equal(cal_ws_connect(&callers[i].ws, k.net, &options), 0);
  }
  for (int i = 0; i < CALLERS; i++) WAIT_FOR(&k, callers[i].messages || callers[i].closed);
  for (int i = 0; i < CALLERS; i++) cal_ws_close(callers[i].ws, 1000, "");
  for (int i = 0; i < CALLERS; i++) WAIT_FOR(&k, callers[i].closed);
  for (int i = 0; i < 2; i++) {
    cal_loop_stop(workers[i].loop);
    pthread_join(workers[i].thread, NULL);
    cal_net_close(workers[i].net);
    assert_int_equal(cal_loop_free(workers[i].loop), 0);
  }
  assert_int_equal(workers[0].messages + workers[1].messages, CALLERS);
  assert_true(workers[0].sockets > 0 && workers[1].sockets > 0); /* the kernel has spread them */
  kit_close(&k);
}

static void two_threads_share_a_port(void **state) { share_a_port(NULL); }

static void two_threads_share_a_port_with_tls(void **state) {
  papers p;
  papers_make(&p, "DNS:localhost", 3600);
  share_a_port(&p);
  papers_burn(&p);
}

static void too_few_descriptors_are_told(void **state) {
  struct rlimit before, few;
  cal_loop *loop;
  cal_net *net = NULL;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(cal_loop_new(&loop, cal_clock_real()), 0);
  int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(next);
  for (int left = 0; left < 16; left++) {
    few = (struct rlimit){.rlim_cur = (rlim_t)(next + left), .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(cal_net_new(&net, loop, NULL), -EMFILE);
    assert_non_null(strstr(cal_error_text(), "ulimit -n"));
  }
  setrlimit(RLIMIT_NOFILE, &before);
  assert_int_equal(cal_net_new(&net, loop, NULL), 0);
  cal_net_close(net);
  assert_int_equal(cal_loop_free(loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(too_few_descriptors_are_told),
      cmocka_unit_test(starting_and_stopping_leaves_nothing_open),
      cmocka_unit_test(closing_a_net_closes_nobody_elses_descriptor),
      cmocka_unit_test(wrong_options_are_told),
      cmocka_unit_test(many_connections_leave_memory_flat),
      cmocka_unit_test(two_threads_share_a_port),
      cmocka_unit_test(two_threads_share_a_port_with_tls),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
