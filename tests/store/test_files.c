/* Recordings: blocks in order, holes where blocks were lost, one shout. */
#include "store/scratch.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/mem.h"
#include "store/files.h"

static cal_files *open_files(cal_files_options options) {
  cal_files *files = NULL;
  assert_int_equal(0, cal_files_open(&files, &options));
  return files;
}

static cal_file *create(cal_files *files, const char *path, const char *header) {
  cal_file *file = NULL;
  assert_int_equal(0, cal_file_create(&file, files, path, header, strlen(header)));
  return file;
}

static int append(cal_file *file, const char *text) {
  return cal_file_append(file, cal_memdup(text, strlen(text)), strlen(text));
}

struct ending {
  sem_t came;
  int code, times;
};

static void note_ending(void *context, int code) {
  struct ending *ending = context;
  ending->code = code;
  ending->times++;
  sem_post(&ending->came);
}

static int finish(cal_file **file) {
  struct ending ending = {.code = 1};
  sem_init(&ending.came, 0, 0);
  cal_file_finish(file, note_ending, &ending);
  assert_null(*file);
  sem_wait(&ending.came);
  assert_int_equal(1, ending.times);
  return ending.code;
}

static size_t contents(const char *path, char *text, size_t room) {
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  size_t bytes = fread(text, 1, room - 1, file);
  text[bytes] = 0;
  fclose(file);
  return bytes;
}

static void expect_file(const char *path, const char *text) {
  char found[256];
  assert_int_equal(strlen(text), contents(path, found, sizeof found));
  assert_string_equal(text, found);
}

static void write_one(cal_files *files) {
  const char *path = scratch("2026/11/21/call.wav");
  cal_file *file = create(files, path, "HEAD0000");
  assert_int_equal(0, append(file, "one "));
  assert_int_equal(0, append(file, "two "));
  assert_int_equal(0, append(file, "three"));
  assert_int_equal(21, cal_file_bytes(file));
  assert_int_equal(0, cal_file_patch(file, 4, "0013", 4));
  assert_int_equal(0, finish(&file));
  expect_file(path, "HEAD0013one two three");
}

static void blocks_are_written_in_order_and_the_header_last(void **state) {
  for (int is_inline = 0; is_inline < 2; is_inline++) {
    cal_files *files = open_files((cal_files_options){.is_inline = is_inline});
    write_one(files);
    cal_files_stats stats;
    cal_files_stats_now(files, &stats);
    assert_int_equal(1, stats.complete);
    assert_int_equal(0, stats.incomplete);
    assert_int_equal(0, stats.open);
    assert_int_equal(0, stats.waiting_bytes);
    cal_files_close(files);
  }
}

static void an_empty_recording_is_a_file(void **state) {
  cal_files *files = open_files((cal_files_options){0});
  const char *path = scratch("empty.wav");
  cal_file *file = create(files, path, "HEAD");
  assert_int_equal(0, finish(&file));
  expect_file(path, "HEAD");
  cal_files_close(files);
}

static void a_full_disk_spoils_one_file_and_is_shouted_once(void **state) {
  cal_files *files = open_files((cal_files_options){0});
  assert_int_equal(0, symlink("/dev/full", scratch("full.wav")));
  const char *path = scratch("good.wav");
  cal_file *full = create(files, scratch("full.wav"), "HEAD");
  cal_file *good = create(files, path, "HEAD");
  for (int i = 0; i < 20; i++) {
    assert_int_equal(0, append(full, "lost"));
    assert_int_equal(0, append(good, "kept"));
  }
  assert_int_equal(-ENOSPC, finish(&full));
  assert_int_equal(0, finish(&good));
  assert_int_equal(1, scratch_shouts_now());
  char text[256];
  assert_int_equal(84, contents(path, text, sizeof text));
  cal_files_stats stats;
  cal_files_stats_now(files, &stats);
  assert_int_equal(1, stats.incomplete);
  assert_int_equal(1, stats.complete);
  assert_int_equal(80, stats.lost_bytes);
  cal_files_close(files);
}

static void a_later_episode_is_shouted_again(void **state) {
  cal_clock *clock = cal_clock_simulated(1000 * CAL_S, 1);
  cal_files *files = open_files((cal_files_options){.is_inline = 1, .clock = clock});
  assert_int_equal(0, symlink("/dev/full", scratch("full.wav")));
  cal_file *full = create(files, scratch("full.wav"), "HEAD");
  for (int second = 0; second < 100; second++) {
    cal_clock_advance_to(clock, (1000 + (uint64_t)second) * CAL_S);
    append(full, "lost");
  }
  assert_int_equal(1, scratch_shouts_now());
  cal_clock_advance_to(clock, 2000 * CAL_S);
  cal_file *good = create(files, scratch("good.wav"), "HEAD");
  assert_int_equal(0, finish(&good)); /* it is over */
  append(full, "lost");
  assert_int_equal(2, scratch_shouts_now());
  assert_int_equal(-ENOSPC, cal_file_code(full));
  assert_int_equal(-ENOSPC, finish(&full));
  cal_files_close(files);
  cal_clock_free(clock);
}

static void what_was_lost_is_a_hole_and_the_rest_is_in_place(void **state) {
  struct rlimit before, limit;
  getrlimit(RLIMIT_FSIZE, &before);
  cal_files *files = open_files((cal_files_options){.is_inline = 1});
  const char *path = scratch("hole.wav");
  cal_file *file = create(files, path, "HEAD");
  assert_int_equal(0, append(file, "aaaa"));
  limit = before;
  limit.rlim_cur = 8;
  setrlimit(RLIMIT_FSIZE, &limit);
  assert_int_equal(0, append(file, "bbbb"));
  assert_int_equal(0, cal_file_patch(file, 0, "head", 4)); /* what is there can still be changed */
  setrlimit(RLIMIT_FSIZE, &before);
  assert_int_equal(0, append(file, "cccc"));
  assert_int_equal(-EFBIG, cal_file_code(file));
  assert_int_equal(-EFBIG, finish(&file));
  char text[64];
  assert_int_equal(16, contents(path, text, sizeof text));
  assert_memory_equal("headaaaa\0\0\0\0cccc", text, 16);
  cal_files_close(files);
}

/* Holds the writer's thread in an ending, so that what is appended meanwhile waits. */
static sem_t entered, may_leave;
static void hold(void *context, int code) {
  sem_post(&entered);
  sem_wait(&may_leave);
}

static void hold_writer(cal_files *files) {
  sem_init(&entered, 0, 0);
  sem_init(&may_leave, 0, 0);
  cal_file *file = create(files, scratch("hold.wav"), "");
  cal_file_finish(&file, hold, NULL);
  sem_wait(&entered);
}

static void too_much_waiting_makes_holes_and_never_blocks(void **state) {
  cal_files *files = open_files((cal_files_options){.ceiling_bytes = 12});
  const char *path = scratch("late.wav");
  cal_file *file = create(files, path, "HEAD");
  hold_writer(files);
  assert_int_equal(0, append(file, "aaaaaa"));
  assert_int_equal(0, append(file, "bbbbbb"));
  assert_int_equal(-ENOBUFS, append(file, "cccccc"));
  assert_int_equal(-ENOBUFS, append(file, "dddddd"));
  assert_int_equal(0, cal_file_patch(file, 0, "head", 4)); /* never refused for that */
  cal_files_stats stats;
  cal_files_stats_now(files, &stats);
  assert_int_equal(12 + 4, stats.waiting_bytes);
  assert_int_equal(12, stats.lost_bytes);
  assert_int_equal(1, scratch_shouts_now());
  assert_int_equal(28, cal_file_bytes(file));
  sem_post(&may_leave);
  assert_int_equal(-ENOBUFS, finish(&file));
  char text[64];
  assert_int_equal(28, contents(path, text, sizeof text));
  assert_memory_equal("headaaaaaabbbbbb\0\0\0\0\0\0\0\0\0\0\0\0", text, 28);
  cal_files_close(files);
}

static void patches_have_limits(void **state) {
  cal_files *files = open_files((cal_files_options){0});
  cal_file *file = create(files, scratch("patch.wav"), "HEAD");
  char large[CAL_FILE_PATCH_BYTES + 1] = {0};
  assert_int_equal(-EMSGSIZE, cal_file_patch(file, 0, large, sizeof large));
  assert_int_equal(-EINVAL, cal_file_patch(file, 3, "xx", 2));
  assert_int_equal(-EINVAL, cal_file_patch(file, UINT64_MAX, "xx", 2));
  hold_writer(files);
  for (int i = 0; i < CAL_FILE_PATCHES; i++) assert_int_equal(0, cal_file_patch(file, 0, "x", 1));
  assert_int_equal(-ENOBUFS, cal_file_patch(file, 0, "x", 1));
  sem_post(&may_leave);
  assert_int_equal(0, finish(&file));
  cal_files_close(files);
}

static void a_folder_that_cannot_be_used_says_what_to_do(void **state) {
  fclose(fopen(scratch("file"), "w"));
  cal_files *files = NULL;
  assert_int_equal(-ENOTDIR,
                   cal_files_open(&files, &(cal_files_options){.folder = scratch("file/recordings")}));
  assert_non_null(strstr(cal_error_text(), "remove that file"));
  assert_null(files);
  files = open_files((cal_files_options){.folder = scratch("a/recordings"), .is_inline = 1});
  cal_file *file =
      create(files, scratch("file/recordings/call.wav"), "HEAD"); /* wrong later: the call goes on */
  assert_int_equal(0, append(file, "x"));
  assert_int_equal(-ENOTDIR, finish(&file));
  assert_int_equal(1, scratch_shouts_now());
  cal_files_close(files);
}

static void closing_writes_what_waits_and_marks_what_nobody_finished(void **state) {
  cal_files *files = open_files((cal_files_options){0});
  const char *done_path = scratch("done.wav"), *open_path = scratch("open.wav");
  cal_file *done = create(files, done_path, "HEAD"), *open = create(files, open_path, "HEAD");
  hold_writer(files);
  struct ending ending = {.code = 1};
  sem_init(&ending.came, 0, 0);
  for (int i = 0; i < 10; i++) {
    append(done, "abc");
    append(open, "def");
  }
  cal_file_finish(&done, note_ending, &ending);
  sem_post(&may_leave);
  cal_files *late = cal_ref(files);
  assert_null(cal_files_close(files));
  assert_int_equal(0, ending.code);
  expect_file(done_path, "HEADabcabcabcabcabcabcabcabcabcabc");
  expect_file(open_path, "HEADdefdefdefdefdefdefdefdefdefdef");
  assert_int_equal(-ESHUTDOWN, append(open, "late"));
  assert_int_equal(-ESHUTDOWN, cal_file_patch(open, 0, "x", 1));
  cal_file *another = NULL;
  assert_int_equal(-ESHUTDOWN, cal_file_create(&another, late, scratch("x.wav"), "", 0));
  assert_int_equal(-ECANCELED, finish(&open));
  cal_files_stats stats;
  cal_files_stats_now(late, &stats);
  assert_int_equal(1, stats.incomplete);
  cal_unref(late);
}

#define WRITERS 4
#define BLOCKS 500

static void *record(void *context) {
  cal_file *file = context;
  for (int i = 0; i < BLOCKS; i++) {
    char text[8];
    snprintf(text, sizeof text, "%04d", i);
    if (append(file, text) != 0) return context;
  }
  return NULL;
}

static void many_recordings_at_once(void **state) {
  cal_files *files = open_files((cal_files_options){0});
  cal_file *file[WRITERS];
  pthread_t threads[WRITERS];
  char name[32], found[BLOCKS * 4 + 1], expected[BLOCKS * 4 + 1];
  for (int i = 0; i < WRITERS; i++) {
    snprintf(name, sizeof name, "%d.wav", i);
    file[i] = create(files, scratch(name), "");
    assert_int_equal(0, pthread_create(&threads[i], NULL, record, file[i]));
  }
  for (int i = 0; i < BLOCKS; i++) snprintf(expected + i * 4, 5, "%04d", i);
  for (int i = 0; i < WRITERS; i++) {
    void *failed = NULL;
    pthread_join(threads[i], &failed);
    assert_null(failed);
    assert_int_equal(0, finish(&file[i]));
    snprintf(name, sizeof name, "%d.wav", i);
    assert_int_equal(BLOCKS * 4, contents(scratch(name), found, sizeof found));
    assert_string_equal(expected, found);
  }
  cal_files_close(files);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
  const struct CMUnitTest tests[] = {
      IN_FOLDER(blocks_are_written_in_order_and_the_header_last),
      IN_FOLDER(an_empty_recording_is_a_file),
      IN_FOLDER(a_full_disk_spoils_one_file_and_is_shouted_once),
      IN_FOLDER(a_later_episode_is_shouted_again),
      IN_FOLDER(what_was_lost_is_a_hole_and_the_rest_is_in_place),
      IN_FOLDER(too_much_waiting_makes_holes_and_never_blocks),
      IN_FOLDER(patches_have_limits),
      IN_FOLDER(a_folder_that_cannot_be_used_says_what_to_do),
      IN_FOLDER(closing_writes_what_waits_and_marks_what_nobody_finished),
      IN_FOLDER(many_recordings_at_once),
  };
  signal(SIGXFSZ, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
