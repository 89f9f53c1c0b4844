#include "loop/file_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define QUIET_MS 100

/* The clock is simulated and the folders are real: the kernel has the news ready when write() returns. */
typedef struct scene {
  char root[64];
  cal_clock *clock;
  cal_loop *loop;
  cal_file_watch *watch;
  int changes;
  int frees_itself;
} scene;

static const char *under(const scene *at, const char *name) {
  static char path[4][512];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(path[turn], sizeof path[turn], "%s/%s", at->root, name);
  return path[turn];
}

static void write_file(const scene *at, const char *name, const char *text) {
  FILE *file = fopen(under(at, name), "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void make_folder(const scene *at, const char *name) {
  assert_int_equal(mkdir(under(at, name), 0700), 0);
}

static void make_link(const scene *at, const char *target, const char *name) {
  assert_int_equal(symlink(target, under(at, name)), 0);
}

static void on_change(void *context) {
  scene *at = context;
  at->changes++;
  if (at->frees_itself) at->watch = cal_file_watch_free(at->watch);
}

static int setup(void **state) {
  scene *made = cal_alloc(sizeof *made);
  strcpy(made->root, "/tmp/callisto-watch-XXXXXX");
  if (!mkdtemp(made->root)) return -1;
  made->clock = cal_clock_simulated(CAL_S, 0);
  *state = made;
  return cal_loop_new(&made->loop, made->clock);
}

static int teardown(void **state) {
  scene *made = *state;
  made->watch = cal_file_watch_free(made->watch);
  int left = cal_loop_free(made->loop);
  cal_clock_free(made->clock);
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", made->root);
  left += system(command) != 0;
  cal_free(made);
  return left;
}

static void watch(scene *at, const char *name) {
  const char *paths[] = {under(at, name)};
  assert_int_equal(cal_file_watch_new(&at->watch, at->loop, paths, 1, QUIET_MS, on_change, at), 0);
}

static void pass(scene *at, uint64_t ms) {
  cal_loop_advance(at->loop, cal_loop_now_ns(at->loop) + ms * CAL_MS);
}

/* How many calls the news so far come to, once all is quiet. */
static int settle(scene *at) {
  int before = at->changes;
  cal_loop_poll(at->loop);
  pass(at, 10 * QUIET_MS);
  return at->changes - before;
}

static void five_hundred_files_are_one_change(void **state) {
  scene *at = *state;
  watch(at, ".");
  assert_false(cal_file_watch_is_polling(at->watch));
  assert_int_equal(settle(at), 0);
  char name[32];
  for (int i = 0; i < 500; i++) {
    snprintf(name, sizeof name, "file%d.lua", i);
    write_file(at, name, "return 1");
  }
  assert_int_equal(settle(at), 1);
  assert_int_equal(settle(at), 0);
}

static void the_call_comes_after_the_quiet_time_and_each_change_starts_it_anew(void **state) {
  scene *at = *state;
  watch(at, "");
  for (int i = 0; i < 5; i++) {
    write_file(at, "a.lua", "1");
    cal_loop_poll(at->loop);
    pass(at, QUIET_MS - 1);
    assert_int_equal(at->changes, 0);
  }
  pass(at, 1);
  assert_int_equal(at->changes, 1);
}

static void new_folders_are_watched_too_at_any_depth(void **state) {
  scene *at = *state;
  make_folder(at, "old");
  watch(at, "");
  write_file(at, "old/a.lua", "1");
  assert_int_equal(settle(at), 1);
  make_folder(at, "new");
  make_folder(at, "new/deep");
  make_folder(at, "new/deep/deeper");
  assert_int_equal(settle(at), 1);
  write_file(at, "new/deep/deeper/b.lua", "1");
  assert_int_equal(settle(at), 1);
  write_file(at, "new/deep/deeper/b.lua", "2");
  assert_int_equal(settle(at), 1);
}

static void a_new_folder_is_watched_before_all_is_quiet(void **state) {
  scene *at = *state;
  watch(at, "");
  make_folder(at, "new");
  cal_loop_poll(at->loop);
  pass(at, QUIET_MS - 1);
  write_file(at, "new/a.lua", "1");
  cal_loop_poll(at->loop);
  pass(at, QUIET_MS - 1);
  assert_int_equal(at->changes, 0);
  pass(at, 1);
  assert_int_equal(at->changes, 1);
}

static void a_folder_made_again_under_its_name_is_still_watched(void **state) {
  scene *at = *state;
  make_folder(at, "a");
  watch(at, "");
  assert_int_equal(rmdir(under(at, "a")), 0);
  make_folder(at, "a");
  assert_int_equal(settle(at), 1);
  write_file(at, "a/x.lua", "1");
  assert_int_equal(settle(at), 1);
  assert_int_equal(rename(under(at, "a"), under(at, "b")), 0);
  assert_int_equal(settle(at), 1);
  write_file(at, "b/x.lua", "22");
  assert_int_equal(settle(at), 1);
  assert_int_equal(unlink(under(at, "b/x.lua")), 0);
  assert_int_equal(settle(at), 1);
}

static void names_with_a_dot_in_front_are_passed_over(void **state) {
  scene *at = *state;
  make_folder(at, ".git");
  watch(at, "");
  write_file(at, ".a.lua.swp", "1");
  write_file(at, ".git/index", "1");
  make_folder(at, ".cache");
  assert_int_equal(settle(at), 0);
}

static void a_single_file_is_followed_through_its_replacement(void **state) {
  scene *at = *state;
  write_file(at, ".env", "A=1");
  watch(at, ".env");
  assert_false(cal_file_watch_is_polling(at->watch));
  write_file(at, "other", "1");
  assert_int_equal(settle(at), 0);
  for (int i = 0; i < 3; i++) { /* as editors save */
    write_file(at, ".env.new", "A=2");
    assert_int_equal(rename(under(at, ".env.new"), under(at, ".env")), 0);
    assert_int_equal(settle(at), 1);
  }
  write_file(at, ".env", "A=3");
  assert_int_equal(settle(at), 1);
}

static void a_path_that_is_not_there_is_waited_for_in_its_folder(void **state) {
  scene *at = *state;
  watch(at, "later");
  assert_false(cal_file_watch_is_polling(at->watch));
  write_file(at, "other", "1");
  assert_int_equal(settle(at), 0);
  make_folder(at, "later");
  assert_int_equal(settle(at), 1);
  write_file(at, "later/a.lua", "1");
  assert_int_equal(settle(at), 1);
}

static void a_path_whose_folder_is_not_there_either_is_waited_for_name_by_name(void **state) {
  scene *at = *state;
  watch(at, "much/later");
  assert_false(cal_file_watch_is_polling(at->watch));
  pass(at, 20000);
  assert_int_equal(at->changes, 0);
  make_folder(at, "much");
  assert_int_equal(settle(at), 1);
  make_folder(at, "much/later");
  assert_int_equal(settle(at), 1);
  write_file(at, "much/later/a.lua", "1");
  assert_int_equal(settle(at), 1);
}

static void a_root_that_goes_away_is_waited_for_until_it_is_back(void **state) {
  scene *at = *state;
  make_folder(at, "root");
  watch(at, "root/");
  assert_int_equal(rmdir(under(at, "root")), 0);
  assert_int_equal(settle(at), 1);
  make_folder(at, "root");
  assert_int_equal(settle(at), 1);
  write_file(at, "root/a.lua", "1");
  assert_int_equal(settle(at), 1);
  assert_false(cal_file_watch_is_polling(at->watch));
}

static void polling_sees_what_changes_below(void **state) {
  scene *at = *state;
  make_folder(at, "here");
  write_file(at, "here/a.lua", "1");
  make_link(at, "circle", "circle");
  const char *paths[] = {under(at, "here"), under(at, "circle")};
  assert_int_equal(cal_file_watch_new(&at->watch, at->loop, paths, 2, QUIET_MS, on_change, at), 0);
  assert_true(cal_file_watch_is_polling(at->watch));
  pass(at, 5000);
  assert_int_equal(at->changes, 0);
  write_file(at, "here/a.lua", "longer");
  write_file(at, "here/b.lua", "");
  pass(at, 2000 + QUIET_MS);
  assert_int_equal(at->changes, 1);
  assert_int_equal(unlink(under(at, "here/b.lua")), 0);
  pass(at, 2000 + QUIET_MS);
  assert_int_equal(at->changes, 2);
  pass(at, 10000);
  assert_int_equal(at->changes, 2);
}

/* ---- links */

/* As `ln -sfn` and Kubernetes do it: a new link takes the name of the old one. */
static void move_link(const scene *at, const char *target, const char *name) {
  make_link(at, target, "new");
  assert_int_equal(rename(under(at, "new"), under(at, name)), 0);
}

static void a_mounted_config_map_is_seen_when_its_data_is_swapped(void **state) {
  scene *at = *state;
  make_folder(at, "templates");
  make_folder(at, "templates/..a");
  write_file(at, "templates/..a/x.lua", "1");
  make_link(at, "..a", "templates/..data");
  make_link(at, "..data/x.lua", "templates/x.lua");
  watch(at, "templates");
  assert_false(cal_file_watch_is_polling(at->watch));
  for (int i = 0; i < 3; i++) {
    char folder[32];
    snprintf(folder, sizeof folder, "..%c", 'b' + i);
    char path[64], file[64];
    snprintf(path, sizeof path, "templates/%s", folder);
    snprintf(file, sizeof file, "templates/%s/x.lua", folder);
    make_folder(at, path);
    write_file(at, file, "1");
    assert_int_equal(settle(at), 0);
    move_link(at, folder, "templates/..data");
    assert_int_equal(settle(at), 1);
  }
}

static void a_workspace_that_is_a_link_is_followed_to_its_next_release(void **state) {
  scene *at = *state;
  for (int i = 1; i <= 3; i++) {
    char name[64];
    snprintf(name, sizeof name, "rel%d", i);
    make_folder(at, name);
    snprintf(name, sizeof name, "rel%d/templates", i);
    make_folder(at, name);
  }
  make_link(at, "rel1", "current");
  watch(at, "current/templates");
  move_link(at, "rel2", "current");
  assert_int_equal(settle(at), 1);
  write_file(at, "rel2/templates/a.lua", "1");
  assert_int_equal(settle(at), 1);
  write_file(at, "rel1/templates/a.lua", "1");
  assert_int_equal(settle(at), 0);
  move_link(at, "rel3", "current");
  assert_int_equal(settle(at), 1);
}

static void a_link_to_a_file_is_seen_when_its_target_is_written_replaced_and_deleted(void **state) {
  scene *at = *state;
  make_folder(at, "templates");
  make_folder(at, "shared");
  write_file(at, "shared/x.lua", "1");
  make_link(at, "../shared/x.lua", "templates/x.lua");
  watch(at, "templates");
  write_file(at, "shared/x.lua", "2");
  assert_int_equal(settle(at), 1);
  write_file(at, "shared/y.lua", "2");
  assert_int_equal(settle(at), 0);
  assert_int_equal(rename(under(at, "shared/y.lua"), under(at, "shared/x.lua")), 0);
  assert_int_equal(settle(at), 1);
  assert_int_equal(unlink(under(at, "shared/x.lua")), 0);
  assert_int_equal(settle(at), 1);
  write_file(at, "shared/x.lua", "3");
  assert_int_equal(settle(at), 1);
}

static void a_link_that_is_made_later_is_followed_too(void **state) {
  scene *at = *state;
  make_folder(at, "templates");
  write_file(at, "x.lua", "1");
  watch(at, "templates");
  make_link(at, "../x.lua", "templates/x.lua");
  assert_int_equal(settle(at), 1);
  write_file(at, "x.lua", "2");
  assert_int_equal(settle(at), 1);
}

static void links_in_a_circle_and_to_nothing_harm_nobody(void **state) {
  scene *at = *state;
  make_folder(at, "templates");
  make_link(at, "b.lua", "templates/a.lua");
  make_link(at, "a.lua", "templates/b.lua");
  make_link(at, ".", "templates/self");
  make_link(at, "../later/x.lua", "templates/x.lua");
  watch(at, "templates");
  assert_false(cal_file_watch_is_polling(at->watch));
  make_folder(at, "later");
  assert_int_equal(settle(at), 1);
  write_file(at, "later/x.lua", "1");
  assert_int_equal(settle(at), 1);
}

static void what_the_kernel_does_not_tell_is_seen_by_looking(void **state) {
  scene *at = *state;
  make_folder(at, "shop");
  make_folder(at, "shop/templates");
  write_file(at, "shop/templates/a.lua", "1");
  watch(at, "shop/templates");
  assert_int_equal(rename(under(at, "shop"), under(at, "shop-before")), 0);
  make_folder(at, "shop");
  make_folder(at, "shop/templates");
  write_file(at, "shop/templates/a.lua", "22");
  assert_int_equal(settle(at), 0);
  pass(at, 20000);
  assert_int_equal(at->changes, 1);
  write_file(at, "shop/templates/b.lua", "1");
  assert_int_equal(settle(at), 1);
  pass(at, 60000);
  assert_int_equal(at->changes, 2);
}

static void a_watch_may_be_freed_from_its_own_call_and_while_news_wait(void **state) {
  scene *at = *state;
  watch(at, "");
  at->frees_itself = 1;
  write_file(at, "a.lua", "1");
  assert_int_equal(settle(at), 1);
  assert_null(at->watch);
  write_file(at, "a.lua", "2");
  assert_int_equal(settle(at), 0);
  watch(at, "");
  write_file(at, "a.lua", "3");
  cal_loop_poll(at->loop);
  at->watch = cal_file_watch_free(at->watch);
  assert_int_equal(settle(at), 0);
  assert_int_equal(cal_loop_timers(at->loop), 0);
}

static void a_watch_needs_a_path_and_a_quiet_time(void **state) {
  scene *at = *state;
  const char *paths[] = {at->root};
  assert_int_equal(cal_file_watch_new(&at->watch, at->loop, paths, 0, QUIET_MS, on_change, at), -EINVAL);
  assert_int_equal(cal_file_watch_new(&at->watch, at->loop, paths, 1, 0, on_change, at), -EINVAL);
  assert_null(at->watch);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      SCENE(five_hundred_files_are_one_change),
      SCENE(the_call_comes_after_the_quiet_time_and_each_change_starts_it_anew),
      SCENE(new_folders_are_watched_too_at_any_depth),
      SCENE(a_new_folder_is_watched_before_all_is_quiet),
      SCENE(a_folder_made_again_under_its_name_is_still_watched),
      SCENE(names_with_a_dot_in_front_are_passed_over),
      SCENE(a_single_file_is_followed_through_its_replacement),
      SCENE(a_path_that_is_not_there_is_waited_for_in_its_folder),
      SCENE(a_path_whose_folder_is_not_there_either_is_waited_for_name_by_name),
      SCENE(a_root_that_goes_away_is_waited_for_until_it_is_back),
      SCENE(polling_sees_what_changes_below),
      SCENE(a_mounted_config_map_is_seen_when_its_data_is_swapped),
      SCENE(a_workspace_that_is_a_link_is_followed_to_its_next_release),
      SCENE(a_link_to_a_file_is_seen_when_its_target_is_written_replaced_and_deleted),
      SCENE(a_link_that_is_made_later_is_followed_too),
      SCENE(links_in_a_circle_and_to_nothing_harm_nobody),
      SCENE(what_the_kernel_does_not_tell_is_seen_by_looking),
      SCENE(a_watch_may_be_freed_from_its_own_call_and_while_news_wait),
      SCENE(a_watch_needs_a_path_and_a_quiet_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
