/* hooks: how io threads reach the other planes (io/io.h): requests and sockets go to script threads, speech to the ear,
 * recordings to the disk. They run on the io threads and do not block. */
#ifndef CAL_ENGINE_HOOKS_H
#define CAL_ENGINE_HOOKS_H

#include "io/io.h"
#include "script/reach.h"

cal_io_hooks cal_engine_hooks(cal_reach *reach, cal_hearing hearing); /* borrows reach */

#endif
