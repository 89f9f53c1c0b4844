#include "base/nice.h"

#include <sys/resource.h>
#include <unistd.h>

/* More than 19 is taken as 19 by the kernel. */
void cal_thread_nice(int level) {
  int of_process = getpriority(PRIO_PROCESS, (id_t)getpid()); /* of the main thread, that is */
  setpriority(PRIO_PROCESS, (id_t)gettid(), of_process + level);
}
