/* file: one file of the writer, and what can be wrong with it. Private to the store; writer's thread, except
 * `code`. */
#ifndef CAL_STORE_FILE_H
#define CAL_STORE_FILE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/list.h"
#include "store/files.h"

struct cal_file {
  cal_list node; /* among the writer's open files */
  cal_files *files;
  char *path;
  int fd;       /* -1: not open */
  void *header; /* until it was written */
  size_t header_bytes;
  atomic_int code;
  atomic_uint patches; /* waiting */
  uint64_t length;     /* the appender's: where the next block goes */
  uint64_t written_to; /* the writer's: the end of the last block it saw */
};

int cal_file_open_now(cal_file *file);
int cal_file_write_now(cal_file *file, uint64_t offset, const void *data, size_t bytes);
int cal_file_close_now(cal_file *file);        /* cuts or stretches to written_to, syncs, closes */
void cal_file_spoil(cal_file *file, int code); /* the first reason stays; any thread */

#endif
