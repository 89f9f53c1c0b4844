/* lock: one living process a node id and database. Private to the store.
 *
 * A file beside the database, locked with flock: the kernel lets go of it when the process ends, however it
 * ends. */
#ifndef CAL_STORE_LOCK_H
#define CAL_STORE_LOCK_H

/* Gives a descriptor through `fd`. -EINVAL: not a node id; -EBUSY: that node lives; -EACCES and the like. */
int cal_lock_node(int *fd, const char *path, const char *node);
void cal_unlock_node(int fd); /* -1 is fine */

#endif
