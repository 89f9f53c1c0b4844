/* edition: code, what the judge says of it, and settings that belong together. A reload makes the next one; live calls keep the one they began
 * with. Immutable, reference counted. Any thread. */
#ifndef CAL_SCRIPT_EDITION_H
#define CAL_SCRIPT_EDITION_H

#include "base/value.h"
#include "script/judge.h"

typedef struct cal_edition {
  cal_generation *generation;
  cal_readings *readings;     /* what its files are; NULL: a tool's */
  const cal_value *verdict;   /* of the judge, with the catalog; NULL: a tool's */
  struct cal_edition *judged; /* whose verdict it is: one reference; NULL: its own */
  char *settings_json;
} cal_edition;

/* Where the code lies. Borrowed. */
typedef struct cal_edition_sources {
  const char *workspace;             /* folder with templates/, providers/ …; "." */
  const char *library;               /* folder with callisto/…: our own Lua */
  const cal_generation_root *before; /* modules that go before those of the workspace; for specs */
  size_t before_count;
  int is_again; /* the same files are built again and again (cal_generation_again): specs make an engine for each call */
  const struct cal_edition *earlier; /* what is the same in it is not made again; NULL: there is none */
} cal_edition_sources;

#define CAL_EDITION_FOLDERS 4
extern const char
    *const cal_edition_folders[CAL_EDITION_FOLDERS]; /* of a workspace, whose names begin module names */

/* Compiles all of it. Blocks. Returns owned. */
int cal_edition_compile(cal_generation **result, const cal_edition_sources *sources);
/* The same, and has it judged within `reach` (NULL: it is not): files that fail are reported, the rest is in it. Blocks.
 * Returns owned. */
int cal_edition_build(cal_edition **result, const cal_edition_sources *sources, const char *settings_json,
                      cal_reach *reach, cal_judge_report report, void *context);
int cal_edition_is_same(const cal_edition *a,
                        const cal_edition *b); /* in code and settings; NULL is like nothing */

#endif
