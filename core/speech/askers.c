#include "speech/askers.h"

#include <errno.h>

#include "base/error.h"
#include "base/mem.h"

typedef struct cal_asker {
  cal_list node;
  uint64_t who;
  cal_turn turn;  /* nanoseconds of workers */
  cal_list jobs;  /* that wait */
  uint32_t count; /* with the one a worker is at */
} cal_asker;

void cal_askers_init(cal_askers *askers) {
  cal_turns_init(&askers->turns);
  cal_list_init(&askers->all);
}

void cal_askers_free(cal_askers *askers) { cal_turns_free(&askers->turns); }

static cal_asker *find(cal_askers *askers, uint64_t who) {
  cal_list_each(&askers->all, node) {
    cal_asker *asker = cal_list_entry(node, cal_asker, node);
    if (who && asker->who == who) return asker;
  }
  return NULL;
}

static cal_asker *asker_new(cal_askers *askers, uint64_t who) {
  cal_asker *asker = cal_alloc(sizeof *asker);
  asker->who = who;
  cal_list_init(&asker->jobs);
  cal_list_append(&askers->all, &asker->node);
  return asker;
}

static int is_at_work(const cal_asker *asker) {
  return !cal_turn_is_in_line(&asker->turn) && asker->count > 0;
}

int cal_askers_add(cal_askers *askers, cal_job *job, uint64_t who, int is_short) {
  cal_asker *asker = find(askers, who);
  uint32_t most = is_short ? CAL_ASKER_JOBS_SHORT : CAL_ASKER_JOBS;
  if (asker && asker->count >= most)
    return cal_fail(-ENOBUFS, "%u texts and sounds of this call wait for the voice already", asker->count);
  if (!asker) asker = asker_new(askers, who);
  job->asker = asker;
  cal_list_append(&asker->jobs, &job->node);
  if (!is_at_work(asker)) cal_turns_want(&askers->turns, &asker->turn);
  asker->count++;
  return 0;
}

int cal_askers_are_waiting(const cal_askers *askers) { return cal_heap_top(&askers->turns.line) != NULL; }

cal_job *cal_askers_next(cal_askers *askers) {
  cal_turn *turn = cal_turns_next(&askers->turns);
  if (!turn) return NULL;
  cal_asker *asker = cal_list_entry(turn, cal_asker, turn);
  cal_job *job = cal_list_entry(asker->jobs.next, cal_job, node);
  cal_list_remove(&job->node);
  return job;
}

void cal_askers_back(cal_askers *askers, cal_job *job, uint64_t used_ns, int is_over) {
  cal_asker *asker = job->asker;
  cal_turn_used(&asker->turn, used_ns);
  if (is_over)
    asker->count--;
  else
    cal_list_prepend(&asker->jobs, &job->node);
  if (asker->count) {
    cal_turns_want(&askers->turns, &asker->turn);
    return;
  }
  cal_list_remove(&asker->node);
  cal_free(asker);
}
