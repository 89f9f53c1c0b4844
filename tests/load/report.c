/* One line of JSON that says how a run went. */
#include <stdio.h>

#include "load/run.h"

#define OWN_CPU_CEILING 70.0 /* per cent of a core; above it the generator may be what is measured */

static double seconds_of(const load_run *run) { return (double)(run->end.at_ns - run->begin.at_ns) / 1e9; }

static void print_times(const char *name, const load_stats *stats) {
  if (!stats->count) return;
  printf(",\"%s_count\":%llu,\"%s_p50_ms\":%.2f,\"%s_p95_ms\":%.2f,\"%s_p99_ms\":%.2f,\"%s_p999_ms\":%.2f,\"%"
         "s_max_ms\":%.2f",
         name, (unsigned long long)stats->count, name, load_stats_ms(stats, 0.5), name,
         load_stats_ms(stats, 0.95), name, load_stats_ms(stats, 0.99), name, load_stats_ms(stats, 0.999),
         name, load_stats_longest_ms(stats));
}

static uint64_t cpu_before(const load_run *run, int thread) {
  for (int i = 0; i < run->begin.thread_count; i++)
    if (run->begin.threads[i].id == thread) return run->begin.threads[i].cpu_ns;
  return 0;
}

static void print_threads(const load_run *run) {
  printf(",\"threads\":[");
  for (int i = 0; i < run->end.thread_count; i++) {
    const load_thread *thread = &run->end.threads[i];
    double share = (double)(thread->cpu_ns - cpu_before(run, thread->id)) / 1e7 / seconds_of(run);
    printf("%s{\"name\":\"%s\",\"percent\":%.1f}", i ? "," : "", thread->name, share);
  }
  printf("]");
}

static void print_service(const load_run *run) {
  if (!run->options.pid) return;
  double cpu_ns = (double)(run->end.cpu_ns - run->begin.cpu_ns), seconds = seconds_of(run);
  printf(",\"server_cpu_percent\":%.1f,\"server_pss_kb\":%llu,\"server_pss_before_kb\":%llu,\"server_"
         "switches_per_s\":%.0f",
         cpu_ns / 1e7 / seconds, (unsigned long long)run->end.pss_kb, (unsigned long long)run->before.pss_kb,
         (double)(run->end.switches - run->begin.switches) / seconds);
  double others_ns = (double)(run->end.core_ns - run->begin.core_ns) - cpu_ns;
  printf(",\"server_pss_begin_kb\":%llu,\"others_percent\":%.1f", (unsigned long long)run->begin.pss_kb,
         others_ns > 0 ? others_ns / 1e7 / seconds : 0);
  if (run->counted.frames_sent)
    printf(",\"server_us_per_frame\":%.2f", cpu_ns / 1e3 / (double)run->counted.frames_sent);
  if (run->counted.frames_sent && run->instruction_count)
    printf(",\"server_instructions_per_frame\":%.0f,\"server_misses_per_frame\":%.1f",
           (double)run->instruction_count / (double)run->counted.frames_sent,
           (double)run->miss_count / (double)run->counted.frames_sent);
  print_threads(run);
}

static void print_step(const load_step *step, int number) {
  printf(",\"asked_%d\":%llu,\"good_%d_per_s\":%.1f,\"refused_%d\":%llu,\"lost_%d\":%llu,"
         "\"answer_%d_p99_ms\":%.2f",
         number, (unsigned long long)step->asked, number, (double)step->fates[LOAD_WELL] / step->seconds,
         number, (unsigned long long)step->fates[LOAD_REFUSED], number,
         (unsigned long long)step->fates[LOAD_LOST], number, load_stats_ms(&step->answer, 0.99));
}

static void print_flood(const load_flood *flood) {
  for (int i = 0; i < flood->count; i++) print_step(&flood->steps[i], i + 1);
  printf(",\"recovery_s\":%.2f,\"pss_peak_kb\":%llu,\"pss_end_kb\":%llu,\"told\":%llu,\"told_again\":%llu,"
         "\"untold\":%llu,\"health_asked\":%llu,\"health_failed\":%llu",
         load_flood_recovery_s(flood), (unsigned long long)flood->pss_peak_kb,
         (unsigned long long)flood->pss_end_kb, (unsigned long long)flood->told,
         (unsigned long long)flood->told_again, (unsigned long long)flood->untold,
         (unsigned long long)flood->health_asked, (unsigned long long)flood->health_failed);
  print_times("health", &flood->health);
}

static void print_text(const char *text) {
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    putchar((unsigned char)*text < ' ' ? ' ' : *text);
  }
}

void load_run_print(const load_run *run) {
  static const char *const modes[] = {"echo", "held", "webhook", "flood"};
  const load_counts *counted = &run->counted;
  double seconds = seconds_of(run),
         own = (double)(run->end.own_cpu_ns - run->begin.own_cpu_ns) / 1e7 / seconds;
  printf("{\"label\":\"");
  print_text(run->options.label);
  printf("\",\"wire\":\"%s\",\"mode\":\"%s\",\"calls\":%u,\"seconds\":%.2f,\"up\":%llu,\"failed\":%llu,"
         "\"dropped\":%llu,"
         "\"disturbers\":%llu",
         run->options.wire->name, modes[run->options.mode], run->options.calls, seconds,
         (unsigned long long)run->up, (unsigned long long)run->failed, (unsigned long long)run->dropped,
         (unsigned long long)run->disturbers_over);
  double turn_bytes = (double)load_turn_bytes(&run->options.wire->format);
  printf(",\"sent_per_s\":%.0f,\"received_per_s\":%.0f,\"gaps\":%llu,\"marks\":%llu,\"clears\":%llu,"
         "\"malformed\":%llu",
         (double)counted->frames_sent / seconds, (double)counted->bytes_received / turn_bytes / seconds,
         (unsigned long long)run->gaps, (unsigned long long)counted->marks,
         (unsigned long long)counted->clears, (unsigned long long)counted->malformed);
  printf(",\"load_cpu_percent\":%.1f,\"void\":%s", own, own > OWN_CPU_CEILING ? "true" : "false");
  print_service(run);
  if (run->options.mode == LOAD_FLOOD) print_flood(&run->flood);
  print_times("late", &run->late);
  print_times("first_frame", &run->first_frame);
  print_times("answer", &run->answer);
  print_times("round_trip", &run->round_trip);
  print_times("load_late", &run->own_late);
  printf(",\"why\":\"");
  print_text(run->why);
  printf("\"}\n");
}
