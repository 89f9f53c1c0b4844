/* folder: a place to write, or one sentence that says what to do about it. Any thread; blocks on the disk. */
#ifndef CAL_STORE_FOLDER_H
#define CAL_STORE_FOLDER_H

/* Makes the folder and its parents (mode 0750) and checks that this process may write there.
 * -EACCES, -EROFS, -ENOTDIR, -ENOSPC, -ENAMETOOLONG …: the sentence names the folder, the cause and the
 * remedy. */
int cal_folder_prepare(const char *folder);

/* The same for the folder that `path`, a file, is in. */
int cal_folder_of(const char *path);

#endif
