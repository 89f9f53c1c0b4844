/* kit: what the tests of the vm module share: a workspace on disk that is gone afterwards, and running a
 * text. */
#ifndef CAL_TESTS_VM_KIT_H
#define CAL_TESTS_VM_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include "base/mem.h"
#include "vm/vm.h"

#if defined(__SANITIZE_THREAD__)
#define IS_TSAN 1
#else
#define IS_TSAN 0
#endif

static char workspace[64];

static inline void workspace_open(void) {
  strcpy(workspace, "/tmp/callisto-vm-XXXXXX");
  assert_non_null(mkdtemp(workspace));
}

static inline int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *walk) {
  return remove(path);
}

static inline void workspace_close(void) { nftw(workspace, remove_entry, 16, FTW_DEPTH | FTW_PHYS); }

static inline void write_bytes(const char *path, const void *data, size_t bytes) {
  char full[512];
  snprintf(full, sizeof full, "%s/%s", workspace, path);
  for (char *slash = strchr(full + strlen(workspace) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(full, 0700);
    *slash = '/';
  }
  FILE *file = fopen(full, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, bytes, file), bytes);
  fclose(file);
}

static inline void write_file(const char *path, const char *text) { write_bytes(path, text, strlen(text)); }

/* A generation of the workspace's lua/ and templates/. */
static inline cal_generation *build_generation(cal_generation_report report, void *context) {
  char lua[128], templates[128];
  snprintf(lua, sizeof lua, "%s/lua", workspace);
  snprintf(templates, sizeof templates, "%s/templates", workspace);
  cal_generation_root roots[] = {{.dir = lua, .prefix = "", .except = "meta"},
                                 {.dir = templates, .prefix = "templates"}};
  cal_generation *generation = NULL;
  assert_int_equal(cal_generation_build(&generation, roots, 2, NULL, report, context), 0);
  return generation;
}

static inline cal_vm *new_vm(cal_vm_kind kind, cal_generation *generation) {
  cal_vm *vm = NULL;
  cal_vm_options options = {.kind = kind, .name = "test"};
  assert_int_equal(cal_vm_new(&vm, generation, &options), 0);
  return vm;
}

static inline int keep_bytecode(lua_State *L, const void *piece, size_t bytes, void *buffer) {
  luaL_addlstring(buffer, piece, bytes);
  return 0;
}

/* Leaves on the stack of `L` the bytecode of a text: valid, so that only its being bytecode can be refused.
 */
static inline void push_bytecode(lua_State *L, const char *text) {
  luaL_Buffer buffer;
  lua_settop(L, 0);
  assert_int_equal(luaL_loadstring(L, text), 0);
  luaL_buffinit(L, &buffer);
  assert_int_equal(lua_dump(L, keep_bytecode, &buffer), 0);
  luaL_pushresult(&buffer);
  assert_int_equal(luaL_loadbuffer(L, lua_tostring(L, -1), lua_objlen(L, -1), "check"), 0);
  lua_pop(L, 1);
}

/* For scripts that are to fail otherwise than by time, however slow the machine. */
static inline cal_vm *new_patient_vm(void) {
  cal_vm *vm = NULL;
  cal_vm_options options = {.kind = CAL_VM_CALL, .name = "patient", .entry_budget_ms = CAL_VM_UNLIMITED};
  assert_int_equal(cal_vm_new(&vm, NULL, &options), 0);
  return vm;
}

/* Runs a text in the VM; one result stays on the main state when it worked. */
static inline int run_text(cal_vm *vm, const char *text) {
  lua_State *L = cal_vm_state(vm);
  if (luaL_loadbuffer(L, text, strlen(text), "=script") != 0) fail_msg("%s: %s", text, lua_tostring(L, -1));
  return cal_vm_enter(vm, 0, 1);
}

#endif
