/* sources: finds the Lua files of a root and names their modules. Private to the vm module. */
#ifndef CAL_VM_SOURCES_H
#define CAL_VM_SOURCES_H

#include "vm/generation.h"

typedef struct cal_source {
  char *name;  /* owned; module name */
  char *path;  /* owned; the file */
  char *label; /* owned; how messages call it: last part of the root's folder and the path below it */
  char *text;  /* owned; NULL when it could not be read */
  size_t bytes;
  char *error; /* owned; why it cannot be compiled at all, or NULL */
  size_t root; /* which root it came from */
} cal_source;

typedef struct cal_sources {
  cal_source *list; /* sorted by name, then root, then path */
  size_t count;
} cal_sources;

/* Reads everything. On failure nothing is left to free. */
int cal_sources_read(cal_sources *sources, const cal_generation_root *roots, size_t root_count);
void cal_sources_free(cal_sources *sources);

#endif
