/* flood: webhooks at rates that change, and what becomes of them: what a service does with more than it can.
 *
 *   60 a second ──► 700 a second ──► 60 a second      each step as long as it is told to
 *
 * A webhook is answered *well* with a document that names a media socket, within the carrier's patience. It is
 * *refused* by 503, or by a document that names none (the carrier's busy tone). Everything else is *lost*: the
 * caller hears nothing, or too late. A status callback that gets 503 is repeated, as carriers do, until one is
 * taken; one that gets anything else is lost. Health is asked ten times a second, on a connection each time.
 *
 * The service has *recovered* when every webhook from then on is answered well within a second. */
#ifndef LOAD_FLOOD_H
#define LOAD_FLOOD_H

#include <stdint.h>

#include "load/stats.h"

enum { LOAD_STEPS = 4, LOAD_CARRIER_PATIENCE_S = 15, LOAD_REPEAT_S = 1 };

typedef enum load_fate { LOAD_WELL, LOAD_REFUSED, LOAD_LOST } load_fate;

typedef struct load_step {
  double rate, seconds;
  uint64_t asked, fates[3];
  load_stats answer; /* times of what was answered well */
} load_step;

typedef struct load_flood {
  load_step steps[LOAD_STEPS];
  int count, step;
  uint64_t begun_ns;  /* of the step */
  uint64_t over_ns;   /* when the last step but one ended */
  uint64_t unwell_ns; /* the last webhook after that which was not answered well within a second was asked */
  uint64_t sampled_ns;
  uint64_t pss_peak_kb, pss_end_kb;
  uint64_t told, told_again, untold; /* final statuses: taken; repeated; lost */
  uint64_t health_asked, health_failed;
  load_stats health;
} load_flood;

/* "60:5,700:15,60:20": calls a second and seconds. 0, or -1 when it is not such a text. */
int load_flood_read(load_flood *flood, const char *text);
double load_flood_seconds(const load_flood *flood);

/* How many webhooks are to be asked now; they count as asked in `step`. */
uint64_t load_flood_due(load_flood *flood, uint64_t now_ns);

/* What became of a webhook that was asked in that step, at that time. */
void load_flood_note(load_flood *flood, int step, load_fate fate, uint64_t asked_ns, uint64_t now_ns);
double load_flood_recovery_s(const load_flood *flood);

#endif
