#include "script/edition.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

const char *const cal_edition_folders[CAL_EDITION_FOLDERS] = {"templates", "providers", "menus", "exchange"};

static void destroy(void *object) {
  cal_edition *edition = object;
  cal_unref(edition->generation);
  cal_free(edition->settings_json);
}

static int build_generation(cal_generation **result, const cal_edition_sources *sources,
                            cal_generation_report report, void *context) {
  char paths[CAL_EDITION_FOLDERS][1024], shipped[1024];
  cal_generation_root *roots = cal_alloc((sources->before_count + CAL_EDITION_FOLDERS + 3) * sizeof *roots);
  size_t count = sources->before_count;
  if (count) memcpy(roots, sources->before, count * sizeof *roots);
  for (int i = 0; i < CAL_EDITION_FOLDERS; i++) { /* the workspace first, then what is shipped */
    snprintf(paths[i], sizeof paths[i], "%s/%s", sources->workspace, cal_edition_folders[i]);
    roots[count++] = (cal_generation_root){.dir = paths[i], .prefix = cal_edition_folders[i]};
  }
  snprintf(shipped, sizeof shipped, "%s/../providers", sources->library);
  roots[count++] = (cal_generation_root){.dir = sources->workspace, .prefix = "", .only = "routing.lua"};
  roots[count++] = (cal_generation_root){.dir = shipped, .prefix = "providers"};
  roots[count++] = (cal_generation_root){.dir = sources->library, .prefix = "", .except = "meta"};
  int code = (sources->is_again ? cal_generation_again : cal_generation_build)(result, roots, count, report,
                                                                               context);
  cal_free(roots);
  return code;
}

int cal_edition_build(cal_edition **result, const cal_edition_sources *sources, const char *settings_json,
                      cal_generation_report report, void *context) {
  cal_generation *generation;
  int code = build_generation(&generation, sources, report, context);
  if (code) return code;
  cal_edition *edition = cal_ref_new(sizeof *edition, destroy);
  edition->generation = generation;
  edition->settings_json = cal_strdup(settings_json);
  *result = edition;
  return 0;
}

static const char *settings_of(const cal_edition *edition) {
  return edition->settings_json ? edition->settings_json : "";
}

int cal_edition_is_same(const cal_edition *a, const cal_edition *b) {
  return a && b && !strcmp(cal_generation_digest(a->generation), cal_generation_digest(b->generation)) &&
         !strcmp(settings_of(a), settings_of(b));
}
