/* run: one run of the load generator: what was asked for, the loop that does it, what was counted.
 *
 *   opening ──► settling ──► measuring ──► closing        everything due is computed from absolute times
 *
 * One thread, one epoll. Calls speak in 20 slots of 1 ms, so their frames are spread over the 20 ms of a
 * frame. */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include <netinet/in.h>
#include <stdint.h>

#include "load/counters.h"
#include "load/flood.h"
#include "load/stats.h"
#include "load/stream.h"
#include "load/wire.h"

enum { LOAD_SLOTS = 20, LOAD_SLOT_NS = 1000000, LOAD_DISTURBERS = 4 };

typedef enum load_mode { LOAD_ECHO, LOAD_HELD, LOAD_WEBHOOK, LOAD_FLOOD } load_mode;
typedef enum load_phase { LOAD_OPENING, LOAD_SETTLING, LOAD_MEASURING, LOAD_CLOSING } load_phase;

typedef struct load_agent {
  const char *name;
  double rate;     /* new calls a second; of the measured agent while opening, of others all the time */
  uint64_t opened; /* so far */
  int is_measured;
} load_agent;

typedef struct load_options {
  load_mode mode;
  const load_wire *wire;
  char url[256]; /* http://host:port, the service's public address, as signatures have it; echo: ws:// */
  struct sockaddr_in address;
  char host[128];
  load_agent agent, disturbers[LOAD_DISTURBERS];
  int disturber_count;
  uint32_t calls; /* echo and held */
  double seconds, settle_s, patience_s;
  pid_t pid;    /* of the service; 0: not watched */
  int core;     /* the service is pinned to */
  int api_port; /* where this plays the carrier's REST interface; 0: nowhere */
  int is_talking, is_abrupt;
  const char *account, *token, *label, *steps;
} load_options;

typedef struct load_counts {
  uint64_t frames_sent; /* each LOAD_TURN_MS of sound, however many a message holds */
  uint64_t bytes_received, marks, clears, malformed;
} load_counts;

struct load_line;

/* Whatever epoll watches begins with this. */
typedef struct load_source {
  void (*on_ready)(struct load_source *source, uint32_t events);
} load_source;

typedef struct load_run {
  load_options options;
  load_tls *tls; /* NULL: nothing is encrypted */
  load_phase phase;
  int epoll;
  /* CLOCK_REALTIME less CLOCK_MONOTONIC: the kernel stamps what arrives by the former */
  int64_t wall_offset_ns;
  struct load_line *slots[LOAD_SLOTS], *spare;
  uint32_t next_slot_of_line;
  uint64_t next_tick_ns, begun_ns, phase_ns, disturbers_ns;
  uint32_t goodbyes_left;
  uint64_t opened, up, failed, dropped, over, disturbers_over, number;
  uint64_t gaps;
  load_counts counts, counted; /* all along; while measuring */
  load_stats answer, first_frame, late, round_trip, own_late;
  load_usage before, begin, end;     /* before the first call; of the measured part */
  load_counter instructions, misses; /* of the service, in the measured part */
  uint64_t instruction_count, miss_count;
  load_flood flood;
  char why[256]; /* the first thing that went wrong */
} load_run;

void load_run_all(load_run *run);
void load_run_watch(load_run *run, int fd, load_source *source, uint32_t events);
void load_run_rewatch(load_run *run, int fd, load_source *source, uint32_t events);
void load_run_complain(load_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
void load_run_print(const load_run *run); /* one line of JSON */

/* Whether calls are asked for and answered, without media. */
static inline int load_is_asking_only(const load_run *run) {
  return run->options.mode == LOAD_WEBHOOK || run->options.mode == LOAD_FLOOD;
}

void load_health_ask(load_run *run); /* one question to /healthz */
int load_api_open(load_run *run);    /* 0, or negative with a complaint */

#endif
