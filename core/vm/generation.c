#include "vm/generation.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "vm/sources.h"

#define BYTECODE_CEILING (32 * 1024 * 1024) /* far above what 1 MiB of source compiles to */

struct cal_generation {
  cal_module *modules; /* sorted by name */
  size_t count;
  size_t broken;
  uint64_t serial;
  char digest[33];
};

static uint64_t fnv1a(uint64_t hash, const void *data, size_t bytes) {
  const unsigned char *at = data;
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
  return hash;
}

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_OTHER_START UINT64_C(0x6c62272e07bb0142)

static int append_bytecode(lua_State *L, const void *piece, size_t bytes, void *into) {
  return cal_buf_append(into, piece, bytes) < 0;
}

/* "…lua:12: unexpected symbol" has its line after the first ':' that is followed by digits and another ':'.
 */
static int line_of(const char *message) {
  for (const char *at = strchr(message, ':'); at; at = strchr(at + 1, ':')) {
    char *end = NULL;
    long line = strtol(at + 1, &end, 10);
    if (end != at + 1 && *end == ':') return (int)line;
  }
  return 0;
}

static void break_module(cal_module *module, const char *error) {
  module->error = cal_strdup(error);
  module->error_line = line_of(error);
}

static void compile(lua_State *L, cal_module *module, const cal_source *source) {
  cal_buf chunk_name;
  cal_buf_init(&chunk_name, 8192);
  cal_buf_format(&chunk_name, "@%s", source->label);
  /* Mode "t": bytecode from outside could corrupt the process, so only text is read. */
  int status = luaL_loadbufferx(L, source->text, source->bytes, chunk_name.data, "t");
  cal_buf_free(&chunk_name);
  if (status != 0) {
    const char *text = lua_tostring(L, -1);
    break_module(module, text ? text : "cannot be compiled");
    return;
  }
  cal_buf code;
  cal_buf_init(&code, BYTECODE_CEILING);
  if (lua_dump(L, append_bytecode, &code) != 0) {
    cal_buf_free(&code);
    break_module(module, "the compiled file is too large");
    return;
  }
  module->bytes = code.bytes;
  module->bytecode = memcpy(cal_ref_new(code.bytes, NULL), code.data, code.bytes);
  cal_buf_free(&code);
}

int cal_module_is_same(const cal_module *a, const cal_module *b) {
  return a->digest == b->digest && a->text_bytes == b->text_bytes && !a->error == !b->error &&
         !strcmp(a->name, b->name) && !strcmp(a->path, b->path);
}

/* Whether the module got its bytecode from the earlier generation. Broken ones are compiled again, for their error. */
static int is_shared(cal_module *module, const cal_generation *before) {
  const cal_module *same = before ? cal_generation_find(before, module->name) : NULL;
  if (!same || !cal_module_is_same(same, module)) return 0;
  module->bytes = same->bytes;
  module->bytecode = cal_ref((void *)same->bytecode);
  return 1;
}

static void fill_module(lua_State *L, cal_module *module, cal_source *source, const cal_generation *before) {
  module->name = source->name;
  module->path = source->path;
  source->name = source->path = NULL; /* moved */
  if (source->text) module->digest = fnv1a(FNV_START, source->text, source->bytes);
  module->text_bytes = source->bytes;
  if (source->error) {
    module->error = source->error;
    source->error = NULL; /* moved */
    return;
  }
  if (is_shared(module, before)) return;
  compile(L, module, source);
  lua_settop(L, 0);
}

static void sign(cal_generation *generation, const cal_sources *sources) {
  uint64_t left = FNV_START, right = FNV_OTHER_START;
  for (size_t i = 0; i < generation->count; i++) {
    const cal_source *source = &sources->list[i];
    const char *name = generation->modules[i].name;
    left = fnv1a(fnv1a(left, name, strlen(name) + 1), source->text, source->bytes);
    right = fnv1a(fnv1a(right, &source->bytes, sizeof source->bytes), source->text, source->bytes);
    right = fnv1a(right, name, strlen(name));
  }
  snprintf(generation->digest, sizeof generation->digest, "%016llx%016llx", (unsigned long long)left,
           (unsigned long long)right);
}

static void destroy(void *object) {
  cal_generation *generation = object;
  for (size_t i = 0; i < generation->count; i++) {
    cal_module *module = &generation->modules[i];
    cal_free((char *)module->name);
    cal_free((char *)module->path);
    cal_free((char *)module->error);
    cal_unref((void *)module->bytecode);
  }
  cal_free(generation->modules);
}

int cal_generation_build(cal_generation **result, const cal_generation_root *roots, size_t root_count,
                         const cal_generation *before, cal_generation_report report, void *context) {
  static atomic_uint_fast64_t successors;
  cal_sources sources;
  int code = cal_sources_read(&sources, roots, root_count);
  if (code < 0) return code;
  lua_State *L = luaL_newstate(); /* only compiles; nothing is ever run in it */
  if (!L) {
    cal_sources_free(&sources);
    return cal_fail(-ENOMEM, "no memory for a Lua state to compile in");
  }

  cal_generation *generation = cal_ref_new(sizeof *generation, destroy);
  generation->modules = sources.count ? cal_alloc(sources.count * sizeof *generation->modules) : NULL;
  generation->count = sources.count;
  generation->serial = before ? atomic_fetch_add(&successors, 1) + 2 : 1;
  for (size_t i = 0; i < sources.count; i++) {
    cal_module *module = &generation->modules[i];
    fill_module(L, module, &sources.list[i], before);
    if (!module->error) continue;
    generation->broken++;
    if (report) report(context, module->path, module->error_line, module->error);
  }
  sign(generation, &sources);
  lua_close(L);
  cal_sources_free(&sources);
  *result = generation;
  return 0;
}

/* Index of the first module whose name is not below `name`. */
static size_t lower_bound(const cal_generation *generation, const char *name) {
  size_t low = 0, high = generation->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strcmp(generation->modules[middle].name, name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

const cal_module *cal_generation_find(const cal_generation *generation, const char *name) {
  size_t at = lower_bound(generation, name);
  if (at == generation->count || strcmp(generation->modules[at].name, name) != 0) return NULL;
  return &generation->modules[at];
}

const cal_module *cal_generation_next(const cal_generation *generation, const char *prefix,
                                      const cal_module *after) {
  size_t at = after ? (size_t)(after - generation->modules) + 1 : lower_bound(generation, prefix);
  if (at >= generation->count) return NULL;
  const cal_module *module = &generation->modules[at];
  return strncmp(module->name, prefix, strlen(prefix)) == 0 ? module : NULL;
}

size_t cal_generation_count(const cal_generation *generation) { return generation->count; }
size_t cal_generation_broken(const cal_generation *generation) { return generation->broken; }
uint64_t cal_generation_serial(const cal_generation *generation) { return generation->serial; }
const char *cal_generation_digest(const cal_generation *generation) { return generation->digest; }
