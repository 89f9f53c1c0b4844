/* quota: what the script of one call may cause outside its own VM.
 *
 * Each kind has so much at once and so much a second after that (a bucket that leaks), by number and by bytes. What goes
 * beyond is refused with -EDQUOT and a sentence; it costs nobody else anything, is counted in
 * callisto_quota_refused_total, and is named in the log once a second. When something all calls share gets short of
 * room, who has used half of its own is refused already, so that there is some left for who has used little.
 *
 *   kind       what                                      at once         a second after that
 *   MESSAGES   to its service                            64, 256 KiB     20, 64 KiB
 *   RECORD     facts and lines of the conversation      200, 256 KiB     20, 64 KiB
 *   LOG        lines of the log                          50,  64 KiB     10, 16 KiB
 *   ORDERS     to the legs of its parties               256, 512 KiB     50, 64 KiB
 *   STREAMS    answers that are read as they come        32              2
 *   SHARED     values written in callisto.shared       1000, 256 KiB     50,  4 KiB
 *   NAMES      sets and paces of callisto.shared         32              1
 *   SERIES     metrics that were not there before        16              none
 *
 * Zeroed memory is a quota of which nothing is used. The call's script thread. */
#ifndef CAL_SCRIPT_QUOTA_H
#define CAL_SCRIPT_QUOTA_H

#include <stddef.h>
#include <stdint.h>

typedef enum cal_quota_kind {
  CAL_QUOTA_MESSAGES,
  CAL_QUOTA_RECORD,
  CAL_QUOTA_LOG,
  CAL_QUOTA_ORDERS,
  CAL_QUOTA_STREAMS,
  CAL_QUOTA_SHARED,
  CAL_QUOTA_NAMES,
  CAL_QUOTA_SERIES,
  CAL_QUOTA_KINDS
} cal_quota_kind;

typedef struct cal_quota {
  struct {
    double count, bytes; /* used and not yet leaked away */
    uint64_t at_ns;
  } used[CAL_QUOTA_KINDS];
  uint64_t refused; /* since the log was told */
  uint64_t told_ns;
} cal_quota;

/* One of this kind with so many bytes. `is_short`: what it uses is short of room. `call`: its name, for the log. 0 or
 * -EDQUOT; then nothing is used. */
int cal_quota_take(cal_quota *quota, const char *call, cal_quota_kind kind, size_t bytes, int is_short,
                   uint64_t now_ns);
/* Something else was refused to the call: counts it as `what`, names it in the log with the sentence of the last error,
 * and returns the code. */
int cal_quota_refuse(cal_quota *quota, const char *call, const char *what, int code, uint64_t now_ns);

#endif
