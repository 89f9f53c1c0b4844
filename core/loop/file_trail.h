/* file_trail: where a path leads, link by link.
 *
 * A step is a folder and a name in it that decide where the path ends: every symbolic link on the way, also of
 * the folders before the last name, and then the file itself, or the first name that is not there. Whoever
 * watches these names sees the path lead elsewhere: `x.lua → ..data/x.lua`, `..data → ..a`, and `..data` is
 * made to point to `..b`. A folder at the end is not a step. Any thread; nothing is kept. */
#ifndef CAL_LOOP_FILE_TRAIL_H
#define CAL_LOOP_FILE_TRAIL_H

/* `folder` holds no link; both are borrowed for the call. What is not 0 ends the walk and is returned. */
typedef int (*cal_file_step)(void *context, const char *folder, const char *name);

/* 0 when the end was reached or a name on the way is not there. -ELOOP: more than 40 links, -ENAMETOOLONG, or
 * what lstat and readlink say. */
int cal_file_trail(const char *path, cal_file_step step, void *context);

#endif
