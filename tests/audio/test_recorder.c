#include "harness.h"

#include <errno.h>
#include <string.h>

#include "audio/recorder.h"
#include "base/buf.h"
#include "base/mem.h"

enum { BLOCK_BYTES = 1024, BLOCK_FRAMES = BLOCK_BYTES / 4 };

typedef struct paper_disk {
  cal_buf file;
  size_t blocks, largest;
  int is_counted_only;
} paper_disk;

static void on_block(void *context, uint8_t *block, size_t bytes) {
  paper_disk *disk = context;
  disk->blocks++;
  if (bytes > disk->largest) disk->largest = bytes;
  if (!disk->is_counted_only) cal_buf_append(&disk->file, block, bytes);
  cal_free(block);
}

static cal_recorder *open_recorder(paper_disk *disk) {
  *disk = (paper_disk){0};
  cal_buf_init(&disk->file, 64 << 20);
  return cal_recorder_new(&(cal_recorder_options){
      .rate_hz = 8000, .block_bytes = BLOCK_BYTES, .on_block = on_block, .context = disk});
}

/* Ends the recording, writes the header over the old one; returns the stereo samples. */
static const int16_t *close_recorder(cal_recorder *recorder, paper_disk *disk, cal_recorder_end *end) {
  cal_recorder_finish(recorder, end);
  cal_recorder_free(recorder);
  memcpy(disk->file.data, end->header, CAL_WAV_HEADER_BYTES);
  assert_int_equal(disk->file.bytes, CAL_WAV_HEADER_BYTES + end->frames * 4);
  return (const int16_t *)(disk->file.data + CAL_WAV_HEADER_BYTES);
}

static void fill(int16_t *out, size_t count, int16_t value) {
  for (size_t i = 0; i < count; i++) out[i] = value;
}

static void both_sides_lie_where_they_were_said(void **state) {
  paper_disk disk;
  cal_recorder *recorder = open_recorder(&disk);
  int16_t chunk[300];
  /* The caller's samples carry their position; the agent speaks from 1,000 to 1,300, in chunks out of step.
   */
  for (uint64_t at = 0; at < 3000; at += 77) {
    for (int i = 0; i < 77; i++) chunk[i] = (int16_t)(at + (uint64_t)i);
    assert_int_equal(cal_recorder_write(recorder, CAL_SIDE_CALLER, at, chunk, 77), 0);
    if (at != 1001) continue;
    fill(chunk, 300, -5);
    assert_int_equal(cal_recorder_write(recorder, CAL_SIDE_AGENT, 1000, chunk, 300), 0);
  }
  cal_recorder_end end;
  const int16_t *stereo = close_recorder(recorder, &disk, &end);
  assert_int_equal(end.frames, 3003);
  assert_int_equal(end.late_samples, 0);
  for (int i = 0; i < 3003; i++) {
    assert_int_equal(stereo[2 * i], i);
    assert_int_equal(stereo[2 * i + 1], i >= 1000 && i < 1300 ? -5 : 0);
  }
  cal_clip *clip;
  assert_int_equal(cal_wav_read(&clip, disk.file.data, disk.file.bytes), 0);
  assert_int_equal(clip->samples, 3003);
  cal_unref(clip);
  cal_buf_free(&disk.file);
}

static void a_gap_is_silence_and_a_jump_is_refused(void **state) {
  paper_disk disk;
  cal_recorder *recorder = open_recorder(&disk);
  int16_t loud[160];
  fill(loud, 160, 7);
  cal_recorder_write(recorder, CAL_SIDE_CALLER, 0, loud, 160);
  assert_int_equal(cal_recorder_write(recorder, CAL_SIDE_CALLER, 8000, loud, 160), 0);
  assert_int_equal(cal_recorder_write(recorder, CAL_SIDE_CALLER, 80000000, loud, 160), -ERANGE);
  assert_int_equal(cal_recorder_write(recorder, CAL_SIDE_CALLER, UINT64_MAX - 10, loud, 160), -ERANGE);
  cal_recorder_end end;
  const int16_t *stereo = close_recorder(recorder, &disk, &end);
  assert_int_equal(end.frames, 8160);
  for (int i = 0; i < 8160; i++) assert_int_equal(stereo[2 * i], i < 160 || i >= 8000 ? 7 : 0);
  cal_buf_free(&disk.file);
}

static void what_comes_more_than_a_block_late_is_counted(void **state) {
  paper_disk disk;
  cal_recorder *recorder = open_recorder(&disk);
  int16_t loud[BLOCK_FRAMES];
  fill(loud, BLOCK_FRAMES, 7);
  for (int i = 0; i < 3; i++)
    cal_recorder_write(recorder, CAL_SIDE_CALLER, (uint64_t)i * BLOCK_FRAMES, loud, BLOCK_FRAMES);
  cal_recorder_write(recorder, CAL_SIDE_AGENT, BLOCK_FRAMES - 10, loud, 20); /* ten of them too late */
  cal_recorder_end end;
  const int16_t *stereo = close_recorder(recorder, &disk, &end);
  assert_int_equal(end.late_samples, 10);
  assert_int_equal(stereo[2 * (BLOCK_FRAMES - 1) + 1], 0);
  assert_int_equal(stereo[2 * BLOCK_FRAMES + 1], 7);
  cal_buf_free(&disk.file);
}

static void what_is_said_while_paused_is_not_on_the_disk(void **state) {
  paper_disk disk;
  cal_recorder *recorder = open_recorder(&disk);
  int16_t loud[160];
  fill(loud, 160, 7);
  for (uint64_t frame = 0; frame < 30; frame++) {
    cal_recorder_pause(recorder, frame >= 10 && frame < 20);
    cal_recorder_write(recorder, CAL_SIDE_CALLER, frame * 160, loud, 160);
    cal_recorder_write(recorder, CAL_SIDE_AGENT, frame * 160, loud, 160);
  }
  cal_recorder_end end;
  const int16_t *stereo = close_recorder(recorder, &disk, &end);
  assert_int_equal(end.frames, 4800);
  for (int i = 0; i < 4800 * 2; i++) assert_int_equal(stereo[i], i / 2 >= 1600 && i / 2 < 3200 ? 0 : 7);
  cal_buf_free(&disk.file);
}

/* Two hours of call: never more than two blocks in hand, everything else was given away. */
static void pitfall_19_recorder_streams_and_memory_stays_flat(void **state) {
  paper_disk disk;
  cal_recorder *recorder = open_recorder(&disk);
  disk.is_counted_only = 1;
  int16_t loud[160];
  fill(loud, 160, 7);
  const uint64_t frames = 2 * 3600 * 50;
  for (uint64_t frame = 0; frame < frames; frame++) {
    cal_recorder_write(recorder, CAL_SIDE_CALLER, frame * 160, loud, 160);
    cal_recorder_write(recorder, CAL_SIDE_AGENT, frame * 160, loud, 160);
    uint64_t kept = (frame + 1) * 160 - (disk.blocks - 1) * BLOCK_FRAMES;
    assert_true(kept <= 2 * BLOCK_FRAMES);
  }
  assert_int_equal(disk.largest, BLOCK_BYTES);
  cal_recorder_end end;
  cal_recorder_finish(recorder, &end);
  assert_int_equal(end.frames, frames * 160);
  cal_recorder_free(recorder);
  cal_buf_free(&disk.file);
}

static void a_recording_cut_by_a_crash_is_readable(void **state) {
  paper_disk disk;
  cal_recorder *recorder = open_recorder(&disk);
  int16_t loud[160];
  fill(loud, 160, 7);
  for (uint64_t frame = 0; frame < 50; frame++)
    cal_recorder_write(recorder, CAL_SIDE_CALLER, frame * 160, loud, 160);
  cal_recorder_free(recorder); /* nobody finished it */
  assert_int_equal(cal_wav_repair((uint8_t *)disk.file.data, disk.file.bytes), 1);
  cal_clip *clip;
  assert_int_equal(cal_wav_read(&clip, disk.file.data, disk.file.bytes), 0);
  assert_int_equal(clip->samples, (disk.blocks - 1) * BLOCK_FRAMES);
  assert_true(clip->samples + 2 * BLOCK_FRAMES >= 8000);
  cal_unref(clip);
  cal_buf_free(&disk.file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_sides_lie_where_they_were_said),
      cmocka_unit_test(a_gap_is_silence_and_a_jump_is_refused),
      cmocka_unit_test(what_comes_more_than_a_block_late_is_counted),
      cmocka_unit_test(what_is_said_while_paused_is_not_on_the_disk),
      cmocka_unit_test(pitfall_19_recorder_streams_and_memory_stays_flat),
      cmocka_unit_test(a_recording_cut_by_a_crash_is_readable),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
