#include "script/quota.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/metrics.h"

#define KIB 1024.0

static const struct {
  const char *name, *what;
  double count, count_a_second;
  double bytes, bytes_a_second; /* 0: they are not counted */
} kinds[CAL_QUOTA_KINDS] = {
    [CAL_QUOTA_MESSAGES] = {"messages", "messages to the service", 64, 20, 256 * KIB, 64 * KIB},
    [CAL_QUOTA_RECORD] = {"record", "facts and lines", 200, 20, 256 * KIB, 64 * KIB},
    [CAL_QUOTA_LOG] = {"log", "lines of the log", 50, 10, 64 * KIB, 16 * KIB},
    [CAL_QUOTA_ORDERS] = {"orders", "orders to its legs", 256, 50, 512 * KIB, 64 * KIB},
    [CAL_QUOTA_STREAMS] = {"streams", "answers that are read as they come", 32, 2, 0, 0},
    [CAL_QUOTA_SHARED] = {"shared", "values in callisto.shared", 1000, 50, 256 * KIB, 4 * KIB},
    [CAL_QUOTA_NAMES] = {"names", "sets and paces of callisto.shared", 32, 1, 0, 0},
    [CAL_QUOTA_SERIES] = {"series", "metrics of its own", 16, 0, 0, 0},
};

static double leaked(double used, double a_second, double seconds) {
  used -= a_second * seconds;
  return used > 0 ? used : 0;
}

static int exceed(cal_quota_kind kind) {
  char bytes[64] = "";
  if (kinds[kind].bytes)
    snprintf(bytes, sizeof bytes, ", %.0f KiB and %.0f KiB a second", kinds[kind].bytes / KIB,
             kinds[kind].bytes_a_second / KIB);
  return cal_fail(-EDQUOT, "a call may have %.0f %s at once and %g a second after that%s", kinds[kind].count,
                  kinds[kind].what, kinds[kind].count_a_second, bytes);
}

int cal_quota_take(cal_quota *quota, const char *call, cal_quota_kind kind, size_t bytes, int is_short,
                   uint64_t now_ns) {
  double seconds = (double)(now_ns - quota->used[kind].at_ns) / (double)CAL_S, share = is_short ? 0.5 : 1;
  double count = leaked(quota->used[kind].count, kinds[kind].count_a_second, seconds) + 1;
  double all_bytes = leaked(quota->used[kind].bytes, kinds[kind].bytes_a_second, seconds) + (double)bytes;
  int is_too_much =
      count > kinds[kind].count * share || (kinds[kind].bytes && all_bytes > kinds[kind].bytes * share);
  if (is_too_much) return cal_quota_refuse(quota, call, kinds[kind].name, exceed(kind), now_ns);
  quota->used[kind].count = count;
  quota->used[kind].bytes = all_bytes;
  quota->used[kind].at_ns = now_ns;
  return 0;
}

int cal_quota_refuse(cal_quota *quota, const char *call, const char *what, int code, uint64_t now_ns) {
  char name[96];
  snprintf(name, sizeof name, "callisto_quota_refused_total{what=\"%s\"}", what);
  cal_metric_add(cal_counter(name, "what was refused to calls that had had their share"), 1);
  quota->refused++;
  if (quota->told_ns && now_ns - quota->told_ns < CAL_S) return code;
  cal_log(CAL_LOG_WARN, "script", call, "refused %llu times: %s", (unsigned long long)quota->refused,
          cal_error_text());
  quota->told_ns = now_ns;
  quota->refused = 0;
  return code;
}
