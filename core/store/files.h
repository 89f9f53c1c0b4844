/* files: recordings and other long files, written in blocks by their own thread.
 *
 * An io thread hands over blocks and goes on; the writer's thread makes the folders, opens, writes and
 * syncs. It is not the store's thread: a disk that stalls on audio must not delay facts.
 *
 * Every block has its place in the file from the moment it is handed over. A block that is lost (too much was
 * waiting, disk full, I/O error) leaves a hole that reads as zeros, which is silence in linear PCM, so what
 * comes after it is still where it belongs; the file is *incomplete* from then on, and other files are not
 * touched by it. Trouble is logged once until 30 s have passed without any. Writing is tried again
 * with each block.
 *
 *   create ──► append … append ──► patch (the header's lengths) ──► finish ──► on_done(code)
 *
 * One thread at a time may append to a file (the order of the calls is the order in the file); different
 * files are independent. The inline writer does everything before the call returns: for specs. */
#ifndef CAL_STORE_FILES_H
#define CAL_STORE_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define CAL_FILE_PATCH_BYTES 256 /* a header, not a way to write */
#define CAL_FILE_PATCHES 16      /* of one file that may be waiting */
#define CAL_FILE_HEADER_BYTES 4096

typedef struct cal_files cal_files; /* reference counted; every file holds one */
typedef struct cal_file cal_file;   /* reference counted */

typedef struct cal_files_options {
  const char *folder;   /* NULL, or made and checked at open, so that a wrong setting is an error at start */
  size_t ceiling_bytes; /* of all blocks that are waiting; 0 = 64 MiB */
  int is_inline;
  cal_clock *clock; /* borrowed; NULL = the real one. Tells one episode of trouble from the next */
} cal_files_options;

typedef struct cal_files_stats {
  size_t waiting_bytes;
  uint32_t open;       /* files not yet closed */
  uint64_t lost_bytes; /* holes */
  uint64_t incomplete; /* files that ended so */
  uint64_t complete;
} cal_files_stats;

/* Returns owned. Errors of the folder as cal_folder_prepare, with the remedy in the sentence. */
int cal_files_open(cal_files **result, const cal_files_options *options);

/* Takes one reference; returns NULL. Writes what waits (at most 10 s; then the rest is lost), closes files
 * that were not finished (incomplete, -ECANCELED), joins. Blocks. */
cal_files *cal_files_close(cal_files *files);
void cal_files_stats_now(cal_files *files, cal_files_stats *stats); /* any thread */

/* Begins a file with `header` (borrowed, copied, at most CAL_FILE_HEADER_BYTES, may be empty). What was at
 * `path` is replaced. Never waits for the disk: trouble shows in cal_file_code and in on_done. Returns owned;
 * -ESHUTDOWN, -EMSGSIZE. Any thread. */
int cal_file_create(cal_file **result, cal_files *files, const char *path, const void *header, size_t bytes);

/* Takes `block` (of cal_alloc) in any case. Never blocks. 0, -ENOBUFS (too much waits: a hole), or
 * -ESHUTDOWN. */
int cal_file_append(cal_file *file, void *block, size_t bytes);

/* Replaces bytes near the beginning: the header, once its lengths are known. Copied; taken even when too much
 * audio is waiting. -EMSGSIZE, -ENOBUFS over CAL_FILE_PATCHES, -EINVAL beyond what was appended, -ESHUTDOWN.
 */
int cal_file_patch(cal_file *file, uint64_t offset, const void *data, size_t bytes);

/* 0 when every byte was written and synced; else the first thing that went wrong (-ENOSPC, -EIO, -EACCES,
 * -ENOBUFS, -ECANCELED …): the file is incomplete. Writer's thread (inline: the caller's). Must not close the
 * writer. */
typedef void (*cal_file_done)(void *context, int code);

/* Ends the file. Takes the caller's reference and `*file` becomes NULL. on_done may be NULL; it is called
 * exactly once, also when the writer was closed meanwhile. */
void cal_file_finish(cal_file **file, cal_file_done on_done, void *context);

/* Removes a file that is finished; one that is not there counts as removed. on_done (may be NULL) is called once, with
 * 0 or why it is still there. 0, or -ESHUTDOWN: it is not called. Any thread. */
int cal_files_remove(cal_files *files, const char *path, cal_file_done on_done, void *context);

/* how long the file is or will be, holes included; the appender's thread */
uint64_t cal_file_bytes(const cal_file *file);
int cal_file_code(cal_file *file); /* 0, or why it is incomplete so far; any thread */

#endif
