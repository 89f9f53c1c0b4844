/* recorder: both sides of a call into one stereo WAV, in small blocks.
 *
 * Left is the caller, right is the agent. Each side writes its samples at their absolute position in the
 * call, in any chunk size; what was not written is silence, so the two sides stay aligned to the sample for
 * hours. The audio side only copies into a block; a full block is given away to `on_block`, and a writer
 * thread appends it to the file. Memory is flat: two blocks, whatever the length of the call.
 *
 *     caller ──► position 8,000 ─┐   ┌─────────────┬─────────────┐
 *                                ├──►│   current   │    next     │── current is given away when
 *     agent  ──► position 8,640 ─┘   └─────────────┴─────────────┘   somebody writes behind next
 *
 * So a side may lag the other by one block (512 ms at 8 kHz with 16 KiB) without loss; later samples are
 * dropped and counted. The first block holds the header, with sizes of an empty file; cal_recorder_finish
 * says what to write over it at the end, and cal_wav_repair makes up for an end that never came. One thread.
 * One allocation a block. */
#ifndef CAL_AUDIO_RECORDER_H
#define CAL_AUDIO_RECORDER_H

#include <stddef.h>
#include <stdint.h>

#include "audio/wav.h"

typedef enum cal_recorder_side { CAL_SIDE_CALLER, CAL_SIDE_AGENT } cal_recorder_side;

typedef struct cal_recorder_options {
  uint32_t rate_hz;
  uint32_t block_bytes; /* 0: 16 KiB; 1 KiB to 1 MiB, a multiple of 4 */
  /* The next bytes of the file; takes `block` (cal_free). */
  void (*on_block)(void *context, uint8_t *block, size_t bytes);
  void *context;
} cal_recorder_options;

typedef struct cal_recorder cal_recorder;

cal_recorder *
cal_recorder_new(const cal_recorder_options *options); /* returns owned; hands out the header block */
cal_recorder *
cal_recorder_free(cal_recorder *recorder); /* takes; unfinished samples are lost; returns NULL */

/* `position` in samples since the start of the call. -ERANGE for one more than ten minutes ahead of
 * everything written so far (a clock that jumped must not fill the disk), -EFBIG beyond the 4 GiB a WAV can
 * hold. */
int cal_recorder_write(cal_recorder *recorder, cal_recorder_side side, uint64_t position,
                       const int16_t *samples, size_t count);

/* From now on both sides are written as silence of the same length, until resumed: card numbers, PINs. What
 * is paused is what is written while paused, wherever its position lies. */
void cal_recorder_pause(cal_recorder *recorder, int is_paused);

typedef struct cal_recorder_end {
  uint64_t frames;                      /* length in samples of one side */
  uint64_t late_samples;                /* dropped because they came more than a block late */
  uint8_t header[CAL_WAV_HEADER_BYTES]; /* to be written over the first bytes of the file */
} cal_recorder_end;

/* Hands out the rest. Nothing may be written afterwards. */
void cal_recorder_finish(cal_recorder *recorder, cal_recorder_end *end);

#endif
