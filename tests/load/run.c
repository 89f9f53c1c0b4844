#include "load/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include <linux/perf_event.h>

#include "load/line.h"

#define SECOND_NS 1000000000u
#define EVENTS 512
#define GOODBYE_S 10 /* closing takes no longer */

/* In a flood. */
#define SAMPLE_NS 100000000u /* between two questions about health */
#define SAMPLES_OF_MEMORY 5  /* it is looked at as often as this goes into those */

void load_run_complain(load_run *run, const char *format, ...) {
  if (*run->why) return;
  va_list list;
  va_start(list, format);
  vsnprintf(run->why, sizeof run->why, format, list);
  va_end(list);
}

static void control(load_run *run, int operation, int fd, load_source *source, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = source};
  epoll_ctl(run->epoll, operation, fd, &event);
}

void load_run_watch(load_run *run, int fd, load_source *source, uint32_t events) {
  control(run, EPOLL_CTL_ADD, fd, source, events);
}

void load_run_rewatch(load_run *run, int fd, load_source *source, uint32_t events) {
  control(run, EPOLL_CTL_MOD, fd, source, events);
}

/* ---- phases */

static void each_line(load_run *run, void (*visit)(load_line *line)) {
  for (int i = 0; i < LOAD_SLOTS; i++)
    for (load_line *line = run->slots[i]; line; line = line->next) visit(line);
}

static void begin_player(load_line *line) {
  load_player_restart(&line->player);
  line->player.gaps = 0;
}

static void settle_player(load_line *line) {
  if (line->state != LOAD_UP || !line->agent->is_measured) return;
  load_player_settle(&line->player, &line->run->late);
  line->run->gaps += line->player.gaps;
}

static void begin_measuring(load_run *run) {
  each_line(run, begin_player);
  run->gaps = 0;
  if (run->options.pid) {
    load_counter_open(&run->instructions, run->options.pid, PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS);
    load_counter_open(&run->misses, run->options.pid, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES);
  }
  load_usage_take(&run->begin, run->options.pid, run->options.core);
  run->counted = run->counts;
}

static void end_measuring(load_run *run) {
  load_usage_take(&run->end, run->options.pid, run->options.core);
  run->instruction_count = load_counter_read(&run->instructions);
  run->miss_count = load_counter_read(&run->misses);
  load_counter_close(&run->instructions);
  load_counter_close(&run->misses);
  each_line(run, settle_player);
  run->counted = (load_counts){.frames_sent = run->counts.frames_sent - run->counted.frames_sent,
                               .bytes_received = run->counts.bytes_received - run->counted.bytes_received,
                               .marks = run->counts.marks - run->counted.marks,
                               .clears = run->counts.clears - run->counted.clears,
                               .malformed = run->counts.malformed - run->counted.malformed};
}

static void enter(load_run *run, load_phase phase, uint64_t now_ns) {
  if (phase == LOAD_CLOSING) end_measuring(run);
  run->phase = phase;
  run->phase_ns = now_ns;
  if (phase == LOAD_MEASURING) begin_measuring(run);
}

static int is_open(const load_run *run) {
  return load_is_asking_only(run) || run->up + run->failed >= run->options.calls;
}

static void watch_phase(load_run *run, uint64_t now_ns) {
  const load_options *options = &run->options;
  double since = (double)(now_ns - run->phase_ns) / SECOND_NS;
  if (run->phase == LOAD_OPENING && (is_open(run) || since > options->patience_s))
    enter(run, LOAD_SETTLING, now_ns);
  else if (run->phase == LOAD_SETTLING && since >= options->settle_s)
    enter(run, LOAD_MEASURING, now_ns);
  else if (run->phase == LOAD_MEASURING && since >= options->seconds)
    enter(run, LOAD_CLOSING, now_ns);
}

static int is_finished(const load_run *run, uint64_t now_ns) {
  if (run->phase != LOAD_CLOSING) return 0;
  return run->over >= run->number || now_ns - run->phase_ns > (uint64_t)GOODBYE_S * SECOND_NS;
}

/* ---- ticks */

static void open_due(load_run *run, load_agent *agent, uint64_t since_ns, uint64_t most, uint64_t now_ns) {
  uint64_t due = (uint64_t)((double)(now_ns - since_ns) * agent->rate / SECOND_NS) + 1;
  if (due > most) due = most;
  while (agent->opened < due) load_line_open(run, agent);
}

static void sample(load_run *run, uint64_t now_ns) {
  load_flood *flood = &run->flood;
  if (now_ns - flood->sampled_ns < SAMPLE_NS) return;
  flood->sampled_ns = now_ns;
  load_health_ask(run);
  if (flood->health_asked % SAMPLES_OF_MEMORY) return;
  flood->pss_end_kb = load_pss_kb(run->options.pid);
  if (flood->pss_end_kb > flood->pss_peak_kb) flood->pss_peak_kb = flood->pss_end_kb;
}

static void open_flood(load_run *run, uint64_t now_ns) {
  if (run->phase != LOAD_MEASURING) return;
  sample(run, now_ns);
  for (uint64_t due = load_flood_due(&run->flood, now_ns); due; due--)
    load_line_open(run, &run->options.agent);
}

static void open_lines(load_run *run, uint64_t now_ns) {
  load_options *options = &run->options;
  if (run->phase == LOAD_CLOSING) return;
  if (options->mode == LOAD_FLOOD) {
    open_flood(run, now_ns);
    return;
  }
  open_due(run, &options->agent, run->begun_ns, options->mode == LOAD_WEBHOOK ? UINT64_MAX : options->calls,
           now_ns);
  if (run->phase == LOAD_OPENING) return;
  if (!run->disturbers_ns) run->disturbers_ns = now_ns;
  for (int i = 0; i < options->disturber_count; i++)
    open_due(run, &options->disturbers[i], run->disturbers_ns, UINT64_MAX, now_ns);
}

/* A thousand goodbyes are not said at once: one a tick. */
static int says_goodbye(load_run *run, load_line *line) {
  if (run->phase != LOAD_CLOSING || line->state != LOAD_UP) return 0;
  if (run->goodbyes_left) {
    run->goodbyes_left--;
    load_line_hang_up(line);
  }
  return 1;
}

static void turn_slot(load_run *run, uint32_t slot, uint64_t now_ns) {
  for (load_line **at = &run->slots[slot], *line; (line = *at);) {
    if (line->state == LOAD_IDLE) {
      *at = line->next;
      line->next = run->spare;
      run->spare = line;
      continue;
    }
    if (!says_goodbye(run, line)) load_line_turn(line, now_ns);
    at = &line->next;
  }
}

/* Reads the clock itself: after a tick that took long the caller's time is an earlier one. */
static void tick(load_run *run) {
  uint64_t now_ns = load_now_ns();
  if (run->phase == LOAD_MEASURING)
    load_stats_add(&run->own_late, (int64_t)(now_ns - run->next_tick_ns) / 1000);
  run->goodbyes_left = run->options.is_abrupt ? UINT32_MAX : 1;
  turn_slot(run, (uint32_t)(run->next_tick_ns / LOAD_SLOT_NS % LOAD_SLOTS), now_ns);
  open_lines(run, now_ns);
  watch_phase(run, now_ns);
  run->next_tick_ns += LOAD_SLOT_NS;
}

static void handle_events(load_run *run, uint64_t most_ns) {
  struct epoll_event events[EVENTS];
  struct timespec timeout = {.tv_nsec = (long)most_ns};
  int count;
  do {
    count = epoll_pwait2(run->epoll, events, EVENTS, &timeout, NULL);
    for (int i = 0; i < count; i++) {
      load_source *source = events[i].data.ptr;
      source->on_ready(source, events[i].events);
    }
    timeout.tv_nsec = 0;
  } while (count == EVENTS);
}

/* Webhooks are timed here, so they wake us. Frames do not: whoever sends to a sleeping reader pays for waking
 * it, and on a real line nobody sits at the other end of the memory bus. They are read once a tick, with the
 * kernel's own times. */
static void wait_for_tick(load_run *run) {
  uint64_t now_ns = load_now_ns();
  uint64_t left_ns = run->next_tick_ns > now_ns ? run->next_tick_ns - now_ns : 0;
  if (load_is_asking_only(run)) {
    handle_events(run, left_ns);
    return;
  }
  struct timespec tick = {.tv_sec = (time_t)(run->next_tick_ns / SECOND_NS),
                          .tv_nsec = (long)(run->next_tick_ns % SECOND_NS)};
  if (left_ns) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &tick, NULL);
  handle_events(run, 0);
}

static int64_t wall_offset_ns(void) {
  struct timespec wall;
  clock_gettime(CLOCK_REALTIME, &wall);
  return (int64_t)wall.tv_sec * SECOND_NS + wall.tv_nsec - (int64_t)load_now_ns();
}

void load_run_all(load_run *run) {
  run->epoll = epoll_create1(EPOLL_CLOEXEC);
  run->wall_offset_ns = wall_offset_ns();
  if (run->options.api_port && load_api_open(run)) return;
  load_usage_take(&run->before, run->options.pid, run->options.core);
  run->begun_ns = run->phase_ns = load_now_ns();
  run->next_tick_ns = run->begun_ns / LOAD_SLOT_NS * LOAD_SLOT_NS;
  for (uint64_t now_ns; now_ns = load_now_ns(), !is_finished(run, now_ns);) {
    while (run->next_tick_ns <= now_ns) tick(run);
    wait_for_tick(run);
  }
}
