/* askers: jobs of the voice by who asks for them, so that each gets as much of its time as the others (base/turns.h).
 *
 *   [ jobs of an asker, in their order ] ──┐
 *   [ jobs of an asker, in their order ] ──┼─ the asker who has used least ──next──► a worker does one step ──back
 *   [ the one job of nobody's ] ───────────┘
 *
 * Askers who want nothing are not remembered. Private to the speech plane; under its mutex. */
#ifndef CAL_SPEECH_ASKERS_H
#define CAL_SPEECH_ASKERS_H

#include "base/turns.h"
#include "speech/job.h"

#define CAL_ASKER_JOBS 64      /* of one asker */
#define CAL_ASKER_JOBS_SHORT 4 /* of one asker while the plane is short of room */

typedef struct cal_askers {
  cal_turns turns;
  cal_list all;
} cal_askers;

void cal_askers_init(cal_askers *askers);
void cal_askers_free(cal_askers *askers); /* nothing waits any more */

/* Behind the asker's other jobs. `who` 0: nobody's in particular, it stands in line by itself. -ENOBUFS over what an
 * asker may have. */
int cal_askers_add(cal_askers *askers, cal_job *job, uint64_t who, int is_short);
int cal_askers_are_waiting(const cal_askers *askers);
cal_job *
cal_askers_next(cal_askers *askers); /* its asker is out of line until cal_askers_back; NULL: none waits */
/* A step of the job took so long. It is over, or goes on before the asker's other jobs. */
void cal_askers_back(cal_askers *askers, cal_job *job, uint64_t used_ns, int is_over);

#endif
