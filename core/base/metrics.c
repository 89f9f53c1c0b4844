#include "base/metrics.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

#define METRICS_MOST 1024

static const double bucket_ends[] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                     0.2,    0.5,   1,     2,     5,    10,   30};
#define BUCKETS (sizeof bucket_ends / sizeof bucket_ends[0])

typedef enum metric_kind { COUNTER, GAUGE, HISTOGRAM } metric_kind;
static const char *const kind_names[] = {"counter", "gauge", "histogram"};

struct cal_metric {
  const char *name; /* with labels */
  const char *help;
  metric_kind kind;
  int is_overflow;
  int is_scripts;
  _Atomic int64_t value;
  _Atomic int64_t sum_ns;                /* histogram */
  _Atomic uint64_t buckets[BUCKETS + 1]; /* histogram; the last is what is longer than every end */
};

static cal_metric overflow = {
    .name = "callisto_metrics_overflow_total",
    .help = "Changes to metrics that found no room to be registered.",
    .kind = COUNTER,
    .is_overflow = 1,
};

/* Sorted by family, then by labels: the text format wants a family in one piece. Never shrinks. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cal_metric *registered[METRICS_MOST];
static size_t registered_count;

static size_t family_bytes(const char *name) { return strcspn(name, "{"); }

static int compare_names(const char *a, const char *b) {
  size_t a_bytes = family_bytes(a), b_bytes = family_bytes(b);
  int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);
  if (order) return order;
  if (a_bytes != b_bytes) return a_bytes < b_bytes ? -1 : 1;
  return strcmp(a + a_bytes, b + b_bytes);
}

/* The index of the first metric that does not sort before `name`. */
static size_t place_for(const char *name) {
  size_t low = 0, high = registered_count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (compare_names(registered[middle]->name, name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static const char script_help[] = "of a script";

static cal_metric *register_at(size_t place, const char *name, const char *help, metric_kind kind) {
  if (registered_count == METRICS_MOST) return &overflow;
  cal_metric *metric = cal_alloc(sizeof *metric);
  metric->name = cal_strdup(name);
  metric->help = cal_strdup(help ? help : "");
  metric->kind = kind;
  metric->is_scripts = help == script_help;
  memmove(&registered[place + 1], &registered[place], (registered_count - place) * sizeof registered[0]);
  registered[place] = metric;
  registered_count++;
  return metric;
}

static cal_metric *find_or_register(const char *name, const char *help, metric_kind kind) {
  pthread_mutex_lock(&lock);
  size_t place = place_for(name);
  int is_known = place < registered_count && strcmp(registered[place]->name, name) == 0;
  cal_metric *metric = is_known ? registered[place] : register_at(place, name, help, kind);
  pthread_mutex_unlock(&lock);
  assert(metric->kind == kind || metric->is_overflow);
  return metric;
}

cal_metric *cal_counter(const char *name, const char *help) { return find_or_register(name, help, COUNTER); }
cal_metric *cal_gauge(const char *name, const char *help) { return find_or_register(name, help, GAUGE); }
cal_metric *cal_histogram(const char *name, const char *help) {
  return find_or_register(name, help, HISTOGRAM);
}

cal_metric *cal_counter_of_script(const char *name) { return find_or_register(name, script_help, COUNTER); }
cal_metric *cal_gauge_of_script(const char *name) { return find_or_register(name, script_help, GAUGE); }
cal_metric *cal_histogram_of_script(const char *name) {
  return find_or_register(name, script_help, HISTOGRAM);
}

int cal_metric_is_known(const char *name) {
  pthread_mutex_lock(&lock);
  size_t place = place_for(name);
  int is_known = place < registered_count && strcmp(registered[place]->name, name) == 0;
  pthread_mutex_unlock(&lock);
  return is_known;
}

int cal_metric_is_ours(const cal_metric *metric) { return !metric->is_scripts && !metric->is_overflow; }

int cal_metrics_are_short(void) {
  pthread_mutex_lock(&lock);
  int is_short = registered_count > METRICS_MOST / 2;
  pthread_mutex_unlock(&lock);
  return is_short;
}

/* The overflow metric counts attempts, whatever was attempted. */
static int is_overflowing(cal_metric *metric) {
  if (metric->is_overflow) atomic_fetch_add_explicit(&metric->value, 1, memory_order_relaxed);
  return metric->is_overflow;
}

void cal_metric_add(cal_metric *metric, int64_t delta) {
  if (is_overflowing(metric)) return;
  assert(metric->kind == GAUGE || (metric->kind == COUNTER && delta >= 0));
  atomic_fetch_add_explicit(&metric->value, delta, memory_order_relaxed);
}

void cal_metric_set(cal_metric *metric, int64_t value) {
  if (is_overflowing(metric)) return;
  assert(metric->kind == GAUGE);
  atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void cal_metric_observe(cal_metric *metric, double seconds) {
  if (is_overflowing(metric)) return;
  assert(metric->kind == HISTOGRAM);
  if (isnan(seconds)) return;
  seconds = fmin(fmax(seconds, 0), 1e6); /* keeps one nonsense value from spoiling the sum for good */
  size_t bucket = 0;
  while (bucket < BUCKETS && seconds > bucket_ends[bucket]) bucket++;
  atomic_fetch_add_explicit(&metric->buckets[bucket], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&metric->sum_ns, (int64_t)(seconds * 1e9), memory_order_relaxed);
}

int64_t cal_metric_value(const cal_metric *metric) {
  if (metric->kind != HISTOGRAM) return atomic_load_explicit(&metric->value, memory_order_relaxed);
  uint64_t count = 0;
  for (size_t i = 0; i <= BUCKETS; i++)
    count += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
  return (int64_t)count;
}

static int print_help(cal_buf *into, const cal_metric *metric) {
  int family = (int)family_bytes(metric->name);
  int status = cal_buf_format(into, "# HELP %.*s ", family, metric->name);
  for (const char *at = metric->help; *at && status == 0; at++) {
    if (*at == '\\')
      status = cal_buf_text(into, "\\\\");
    else if (*at == '\n')
      status = cal_buf_text(into, "\\n");
    else
      status = cal_buf_append(into, at, 1);
  }
  if (status == 0)
    status = cal_buf_format(into, "\n# TYPE %.*s %s\n", family, metric->name, kind_names[metric->kind]);
  return status;
}

static int print_histogram(cal_buf *into, const cal_metric *metric) {
  int family = (int)family_bytes(metric->name);
  /* `{a="b"}` is put in front of `le` without its braces, and as it is after _sum and _count. */
  const char *labels = metric->name + family;
  int inner = *labels ? (int)strlen(labels) - 2 : 0;
  const char *comma = inner > 0 ? "," : "";
  uint64_t count = 0;
  int status = 0;
  for (size_t i = 0; i <= BUCKETS && status == 0; i++) {
    count += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
    status = cal_buf_format(into, "%.*s_bucket{%.*s%sle=\"", family, metric->name, inner, labels + 1, comma);
    if (status == 0)
      status = i < BUCKETS ? cal_buf_format(into, "%g\"} %llu\n", bucket_ends[i], (unsigned long long)count)
                           : cal_buf_format(into, "+Inf\"} %llu\n", (unsigned long long)count);
  }
  double sum = (double)atomic_load_explicit(&metric->sum_ns, memory_order_relaxed) / 1e9;
  if (status == 0)
    status = cal_buf_format(into, "%.*s_sum%s %.9g\n%.*s_count%s %llu\n", family, metric->name, labels, sum,
                            family, metric->name, labels, (unsigned long long)count);
  return status;
}

static int print_metric(cal_buf *into, const cal_metric *metric, const cal_metric *before) {
  size_t family = family_bytes(metric->name);
  int is_same_family =
      before && family_bytes(before->name) == family && memcmp(before->name, metric->name, family) == 0;
  int status = is_same_family ? 0 : print_help(into, metric);
  if (status < 0) return status;
  if (metric->kind == HISTOGRAM) return print_histogram(into, metric);
  return cal_buf_format(into, "%s %lld\n", metric->name, (long long)cal_metric_value(metric));
}

int cal_metrics_print(cal_buf *into) {
  size_t bytes_before = into->bytes;
  int status = 0;
  pthread_mutex_lock(&lock);
  /* The overflow metric is not registered, so that it always has room; it is slipped in where it sorts. */
  size_t overflow_place = place_for(overflow.name);
  const cal_metric *before = NULL;
  for (size_t i = 0; i <= registered_count && status == 0; i++) {
    const cal_metric *metric = i < overflow_place    ? registered[i]
                               : i == overflow_place ? &overflow
                                                     : registered[i - 1];
    status = print_metric(into, metric, before);
    before = metric;
  }
  pthread_mutex_unlock(&lock);
  if (status < 0 && into->data) {
    into->bytes = bytes_before;
    into->data[bytes_before] = 0;
  }
  return status;
}
