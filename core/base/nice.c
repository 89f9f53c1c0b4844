#include "base/nice.h"

#include <sys/resource.h>
#include <unistd.h>

void cal_thread_nice(int level) { setpriority(PRIO_PROCESS, (id_t)gettid(), level); }
