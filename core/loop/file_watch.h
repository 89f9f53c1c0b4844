/* file_watch: tells that files under some paths have changed, once they have come to rest.
 *
 * A path is a folder, watched with all folders below it (those made later too), or a single file. Whatever
 * happens, a write, a rename, five hundred files at once, the callback comes once, `quiet_ms` after the last
 * change. It says only that something changed: the caller looks for itself. Names that begin with a dot are
 * passed over below a folder (editors' swap files, .git).
 *
 * Symbolic links are followed where they are read: every link on the way of a path, and below a folder those
 * that lead to a file. A change is also that one of them leads elsewhere, or that the file at its end is
 * written. Links to folders below a folder are not followed.
 *
 * It uses inotify through libuv; of a path that is not there yet the first missing name is waited for. Beside
 * that it looks at the files' times every ten seconds, since not everything is told of: a folder above that is
 * replaced, some network file systems. Where watching fails (no watches left, more than 4,096 folders) it looks
 * every two seconds instead, and at no more than 100,000 files. Looking reads folders on the
 * loop's thread: for the loop that reloads scripts, not for one that carries audio. The quiet time runs on
 * the loop's clock. Loop thread only. */
#ifndef CAL_LOOP_FILE_WATCH_H
#define CAL_LOOP_FILE_WATCH_H

#include <stddef.h>

#include "loop/loop.h"

typedef struct cal_file_watch cal_file_watch;

/* Returns owned through `result`; copies the paths. -EINVAL when there are none or `quiet_ms` is 0. */
int cal_file_watch_new(cal_file_watch **result, cal_loop *loop, const char *const *paths, size_t count,
                       uint32_t quiet_ms, void (*on_change)(void *context), void *context);
cal_file_watch *
cal_file_watch_free(cal_file_watch *watch); /* takes; may be called from on_change; returns NULL */
int cal_file_watch_is_polling(const cal_file_watch *watch);

#endif
