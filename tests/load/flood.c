#include "load/flood.h"

#include <stdlib.h>

#define SECOND_NS 1000000000u
#define WELL_NS SECOND_NS /* what is answered later than this is not back to normal */

int load_flood_read(load_flood *flood, const char *text) {
  flood->count = 0;
  for (char *end; flood->count < LOAD_STEPS; text = end + 1) {
    load_step *step = &flood->steps[flood->count++];
    step->rate = strtod(text, &end);
    if (end == text || *end != ':') return -1;
    text = end + 1;
    step->seconds = strtod(text, &end);
    if (end == text || step->rate <= 0 || step->seconds <= 0) return -1;
    if (!*end) return 0;
    if (*end != ',') return -1;
  }
  return -1;
}

double load_flood_seconds(const load_flood *flood) {
  double seconds = 0;
  for (int i = 0; i < flood->count; i++) seconds += flood->steps[i].seconds;
  return seconds;
}

static void next_step(load_flood *flood, uint64_t now_ns) {
  uint64_t length_ns = (uint64_t)(flood->steps[flood->step].seconds * SECOND_NS);
  if (now_ns - flood->begun_ns < length_ns || flood->step + 1 >= flood->count) return;
  flood->begun_ns += length_ns;
  flood->step++;
  if (flood->step + 1 == flood->count) flood->over_ns = flood->begun_ns;
}

uint64_t load_flood_due(load_flood *flood, uint64_t now_ns) {
  if (!flood->begun_ns) flood->begun_ns = now_ns;
  next_step(flood, now_ns);
  load_step *step = &flood->steps[flood->step];
  uint64_t due = (uint64_t)((double)(now_ns - flood->begun_ns) * step->rate / SECOND_NS) + 1 - step->asked;
  step->asked += due;
  return due;
}

void load_flood_note(load_flood *flood, int step, load_fate fate, uint64_t asked_ns, uint64_t now_ns) {
  load_step *asked_in = &flood->steps[step];
  asked_in->fates[fate]++;
  if (fate == LOAD_WELL) load_stats_add(&asked_in->answer, (int64_t)(now_ns - asked_ns) / 1000);
  int is_well = fate == LOAD_WELL && now_ns - asked_ns <= WELL_NS;
  if (!is_well && flood->over_ns && asked_ns >= flood->over_ns && asked_ns > flood->unwell_ns)
    flood->unwell_ns = asked_ns;
}

double load_flood_recovery_s(const load_flood *flood) {
  return flood->unwell_ns ? (double)(flood->unwell_ns - flood->over_ns) / SECOND_NS : 0;
}
