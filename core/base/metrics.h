/* metrics: named counters, gauges and histograms, printed in Prometheus' text format.
 *
 * A metric is registered once and kept for the life of the process; looking one up by name is for start-up,
 * the returned pointer is for the hot path (one relaxed atomic). Names are `callisto_…`; labels are part of
 * the name
 * (`callisto_refused_total{reason="token"}`). At most 1,024 of them: beyond that the one named
 * `callisto_metrics_overflow_total` is returned. Any thread. */
#ifndef CAL_BASE_METRICS_H
#define CAL_BASE_METRICS_H

#include <stdint.h>

#include "base/buf.h"

typedef struct cal_metric cal_metric;

cal_metric *cal_counter(const char *name, const char *help);
cal_metric *cal_gauge(const char *name, const char *help);
cal_metric *cal_histogram(const char *name,
                          const char *help); /* values in seconds; buckets from 0.5 ms to 30 s */

void cal_metric_add(cal_metric *metric, int64_t delta);
void cal_metric_set(cal_metric *metric, int64_t value);
void cal_metric_observe(cal_metric *metric, double seconds);
/* Whether there is one of this name; and whether it is the engine's own, not one a script has asked for. */
int cal_metric_is_known(const char *name);
int cal_metric_is_ours(const cal_metric *metric);
/* As cal_counter and the others, for a script: the metric is its own unless the engine was first. */
cal_metric *cal_counter_of_script(const char *name);
cal_metric *cal_gauge_of_script(const char *name);
cal_metric *cal_histogram_of_script(const char *name);
int cal_metrics_are_short(void); /* half of all there can be are there */

int64_t cal_metric_value(const cal_metric *metric); /* of a histogram: how many were observed */

int cal_metrics_print(cal_buf *into); /* Prometheus text, sorted by name */

#endif
