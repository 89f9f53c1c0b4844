/* One question to /healthz, on a connection of its own; an answer that takes over a second is none. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "load/run.h"
#include "load/stream.h"

#define PATIENCE_NS 1000000000u

typedef struct question {
  load_source source;
  load_run *run;
  struct question *next; /* asked before this one */
  load_stream stream;
  uint64_t asked_ns;
  int is_sent;
} question;

static question *pending; /* the latest first */

static void end(question *q, int is_well) {
  load_flood *flood = &q->run->flood;
  uint64_t took_ns = load_now_ns() - q->asked_ns;
  load_stats_add(&flood->health, (int64_t)took_ns / 1000);
  if (!is_well || took_ns > PATIENCE_NS) flood->health_failed++;
  for (question **at = &pending; *at; at = &(*at)->next) {
    if (*at != q) continue;
    *at = q->next;
    break;
  }
  load_stream_close(&q->stream);
  free(q);
}

static void send_request(question *q) {
  char text[256];
  uint32_t events = EPOLLOUT;
  int code = load_stream_establish(&q->stream, &events);
  if (code > 0) {
    int bytes = snprintf(text, sizeof text, "GET /healthz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                         q->run->options.host);
    q->is_sent = 1;
    events = EPOLLIN;
    if (load_stream_send(&q->stream, text, (size_t)bytes)) code = -1;
  }
  if (code < 0)
    end(q, 0);
  else
    load_run_rewatch(q->run, q->stream.fd, &q->source, events);
}

static void on_question(load_source *source, uint32_t events) {
  question *q = (question *)source;
  char answer[4096];
  uint64_t arrived_ns;
  if (!q->is_sent) {
    send_request(q);
    return;
  }
  ssize_t got = load_stream_receive(&q->stream, answer, sizeof answer - 1, &arrived_ns);
  if (got < 0 && errno == EAGAIN) return;
  end(q, got > 12 && !memcmp(answer, "HTTP/1.1 200", 12));
}

static void give_up_on_old_ones(uint64_t now_ns) {
  for (question *q = pending, *next; q; q = next) {
    next = q->next;
    if (now_ns - q->asked_ns > PATIENCE_NS) end(q, 0);
  }
}

void load_health_ask(load_run *run) {
  question *q = calloc(1, sizeof *q);
  if (!q) abort();
  *q = (question){.source.on_ready = on_question, .run = run, .asked_ns = load_now_ns()};
  give_up_on_old_ones(q->asked_ns);
  q->next = pending;
  pending = q;
  run->flood.health_asked++;
  if (load_stream_open(&q->stream, &run->options.address, run->tls))
    end(q, 0);
  else
    load_run_watch(run, q->stream.fd, &q->source, EPOLLOUT);
}
