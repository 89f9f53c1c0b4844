#include "script/edition.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

const char *const cal_edition_folders[CAL_EDITION_FOLDERS] = {"templates", "providers", "menus", "exchange"};

static void destroy(void *object) {
  cal_edition *edition = object;
  cal_unref(edition->generation);
  cal_unref(edition->readings);
  if (!edition->judged) cal_free((void *)edition->verdict);
  cal_unref(edition->judged);
  cal_free(edition->settings_json);
}

int cal_edition_compile(cal_generation **result, const cal_edition_sources *sources) {
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
  const cal_generation *earlier = sources->earlier ? sources->earlier->generation : NULL;
  int code = sources->is_again ? cal_generation_again(result, roots, count, NULL, NULL)
                               : cal_generation_build(result, roots, count, earlier, NULL, NULL);
  cal_free(roots);
  return code;
}

/* The edition that was judged last where the same files are built again and again. Labs are moved by one thread. */
static cal_edition *last_judged;

static int have_judged(cal_edition *edition, cal_reach *reach, const cal_edition_sources *sources) {
  const cal_edition *earlier = sources->is_again ? last_judged : sources->earlier;
  if (sources->is_again && earlier && earlier->generation == edition->generation) {
    edition->readings = cal_ref(earlier->readings);
    edition->judged = cal_ref((void *)earlier);
    edition->verdict = earlier->verdict;
    return 0;
  }
  edition->readings = cal_readings_make(reach, edition->generation, "", earlier ? earlier->readings : NULL);
  cal_value *verdict;
  int code = cal_judge(&verdict, reach, edition->readings);
  if (code) return code;
  edition->verdict = verdict;
  if (!sources->is_again) return 0;
  cal_unref(last_judged);
  last_judged = cal_ref(edition);
  return 0;
}

int cal_edition_build(cal_edition **result, const cal_edition_sources *sources, const char *settings_json,
                      cal_reach *reach, cal_judge_report report, void *context) {
  cal_generation *generation;
  int code = cal_edition_compile(&generation, sources);
  if (code) return code;
  cal_edition *edition = cal_ref_new(sizeof *edition, destroy);
  edition->generation = generation;
  edition->settings_json = cal_strdup(settings_json);
  if (reach) code = have_judged(edition, reach, sources);
  if (code) {
    cal_unref(edition);
    return code;
  }
  if (edition->verdict) cal_judge_tell(edition->verdict, report, context);
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
