/* generation: one immutable, compiled set of Lua modules.
 *
 * Sources are compiled once, when the generation is built; every VM of that generation loads the same
 * bytecode, so a call runs to its end on the code it began with while newer generations live beside it.
 *
 *   root {dir "lua",       prefix ""}           lua/callisto/task.lua   → "callisto.task"
 *   root {dir "lua",       prefix ""}           lua/callisto/init.lua   → "callisto"
 *   root {dir "templates", prefix "templates"}  templates/order.lua     → "templates.order"
 *
 * A file that does not compile stays in the set as a broken module: requiring it raises its compile error,
 * everything else works. When two roots hold the same name the earlier root wins, which is how a workspace
 * replaces a shipped file.
 *
 * Reference counted (base/mem.h: cal_ref / cal_unref) and never changed after it was built: any thread. */
#ifndef CAL_VM_GENERATION_H
#define CAL_VM_GENERATION_H

#include <stddef.h>
#include <stdint.h>

#define CAL_GENERATION_FILE_BYTES (1024 * 1024) /* ceiling of one source file */
#define CAL_GENERATION_MODULES 4096             /* ceiling of files in one generation */

typedef struct cal_generation cal_generation;

typedef struct cal_generation_root {
  const char *dir;    /* a folder that does not exist holds no modules */
  const char *prefix; /* put before every name, joined with a dot; "" or NULL for none */
  /* the one file directly below `dir` that is read, nothing else ("routing.lua"); may be NULL */
  const char *only;
  const char *except; /* a folder directly below `dir` that is left out ("meta"); may be NULL */
  /* not NULL: no folder but one module, named `prefix`, with this source; `dir` is its path */
  const char *text;
} cal_generation_root;

typedef struct cal_module {
  const char *name;  /* "callisto.task" */
  const char *path;  /* the file */
  const char *error; /* NULL, or why the module is broken */
  int error_line;    /* 0 when the error has no line */
  const void *bytecode;
  size_t bytes;      /* of bytecode; 0 when broken */
  uint64_t digest;   /* of the source text */
  size_t text_bytes; /* of the same; 0 when it could not be read */
} cal_module;

/* Told once for each broken file, in order of names. `line` is 0 when the error has none. */
typedef void (*cal_generation_report)(void *context, const char *path, int line, const char *message);

/* Compiles every *.lua below the roots. Hidden files are passed over. Files that are the same in `before`, an
 * earlier generation or NULL, share its bytecode. Returns owned, also when modules are broken: ask
 * cal_generation_broken. -EIO when a folder cannot be read, -E2BIG over the ceiling of files.
 * Blocks on the disk: not for a thread that serves calls. `report` may be NULL. */
int cal_generation_build(cal_generation **result, const cal_generation_root *roots, size_t root_count,
                         const cal_generation *before, cal_generation_report report, void *context);

/* The same, but the generation that was given out last is given again when no file below the roots has
 * changed since (by its time and size) and the texts are the same; otherwise it is `before`. For specs. */
int cal_generation_again(cal_generation **result, const cal_generation_root *roots, size_t root_count,
                         cal_generation_report report, void *context);

/* Whether a module of one generation is the same file, with the same text, as one of another. */
int cal_module_is_same(const cal_module *a, const cal_module *b);

/* NULL when there is none. Borrowed for as long as the generation is held. */
const cal_module *cal_generation_find(const cal_generation *generation, const char *name);

/* Walks the modules whose name begins with `prefix` ("" for all), sorted by name: start with NULL; NULL at
 * the end. */
const cal_module *cal_generation_next(const cal_generation *generation, const char *prefix,
                                      const cal_module *after);

size_t cal_generation_count(const cal_generation *generation);
size_t cal_generation_broken(const cal_generation *generation); /* how many modules are broken */
uint64_t cal_generation_serial(
    const cal_generation *generation); /* 1: built without one before; then 2, 3, … in order of building */
const char *
cal_generation_digest(const cal_generation *generation); /* 32 hex digits over all names and sources */

#endif
