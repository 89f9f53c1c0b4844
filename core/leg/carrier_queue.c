#include "leg/carrier_queue.h"

#include <string.h>

#include "base/list.h"
#include "base/mem.h"

#define BLOCK_SAMPLES 4000
#define CEILING_S 600
#define MARKS_CEILING 1024

typedef struct block {
  cal_list node;
  size_t begin, end;
  int16_t samples[BLOCK_SAMPLES];
} block;

typedef struct mark {
  cal_list node;
  uint64_t at; /* position in samples since the beginning, at which it is passed */
  size_t bytes;
  char name[];
} mark;

struct cal_carrier_queue {
  cal_list blocks, marks;
  /* Samples since the beginning: in the queue ever, taken by pulls, and played: what was taken is sounding
   * until the next pull says that its frame is over. */
  uint64_t received, taken, played, dropped, ceiling;
  uint32_t mark_count;
  cal_mark_passed on_mark;
  void *context;
};

cal_carrier_queue *cal_carrier_queue_new(uint32_t rate_hz, cal_mark_passed on_mark, void *context) {
  cal_carrier_queue *queue = cal_alloc(sizeof *queue);
  cal_list_init(&queue->blocks);
  cal_list_init(&queue->marks);
  queue->ceiling = (uint64_t)rate_hz * CEILING_S;
  queue->on_mark = on_mark;
  queue->context = context;
  return queue;
}

static void drop_blocks(cal_carrier_queue *queue) {
  cal_list_each_safe(&queue->blocks, node, after) {
    cal_list_remove(node);
    cal_free(cal_list_entry(node, block, node));
  }
}

cal_carrier_queue *cal_carrier_queue_free(cal_carrier_queue *queue) {
  if (!queue) return NULL;
  drop_blocks(queue);
  cal_carrier_queue_drop_marks(queue);
  return cal_free(queue);
}

void cal_carrier_queue_drop_marks(cal_carrier_queue *queue) {
  cal_list_each_safe(&queue->marks, node, after) {
    cal_list_remove(node);
    cal_free(cal_list_entry(node, mark, node));
  }
  queue->mark_count = 0;
}

static block *block_with_room(cal_carrier_queue *queue) {
  if (!cal_list_is_empty(&queue->blocks)) {
    block *last = cal_list_entry(queue->blocks.prev, block, node);
    if (last->end < BLOCK_SAMPLES) return last;
  }
  block *fresh = cal_alloc(sizeof *fresh);
  cal_list_append(&queue->blocks, &fresh->node);
  return fresh;
}

void cal_carrier_queue_audio(cal_carrier_queue *queue, const int16_t *samples, size_t count) {
  uint64_t room = queue->ceiling - (queue->received - queue->taken);
  if (count > room) {
    queue->dropped += count - room;
    count = room;
  }
  queue->received += count;
  while (count) {
    block *into = block_with_room(queue);
    size_t take = BLOCK_SAMPLES - into->end;
    if (take > count) take = count;
    memcpy(into->samples + into->end, samples, take * sizeof *samples);
    into->end += take;
    samples += take;
    count -= take;
  }
}

static void pass_marks(cal_carrier_queue *queue) {
  while (!cal_list_is_empty(&queue->marks)) {
    mark *first = cal_list_entry(queue->marks.next, mark, node);
    if (first->at > queue->played) return;
    cal_list_remove(&first->node);
    queue->mark_count--;
    queue->on_mark(queue->context, first->name, first->bytes);
    cal_free(first);
  }
}

void cal_carrier_queue_mark(cal_carrier_queue *queue, const char *name, size_t bytes) {
  if (queue->mark_count == MARKS_CEILING) return;
  mark *fresh = cal_alloc(sizeof *fresh + bytes + 1);
  fresh->at = queue->received;
  fresh->bytes = bytes;
  memcpy(fresh->name, name, bytes);
  cal_list_append(&queue->marks, &fresh->node);
  queue->mark_count++;
  pass_marks(queue);
}

void cal_carrier_queue_clear(cal_carrier_queue *queue) {
  drop_blocks(queue);
  queue->played = queue->taken = queue->received;
  pass_marks(queue);
}

size_t cal_carrier_queue_pull(cal_carrier_queue *queue, int16_t *frame, size_t count) {
  size_t done = 0;
  queue->played = queue->taken;
  pass_marks(queue);
  while (done < count && !cal_list_is_empty(&queue->blocks)) {
    block *first = cal_list_entry(queue->blocks.next, block, node);
    size_t take = first->end - first->begin;
    if (take > count - done) take = count - done;
    memcpy(frame + done, first->samples + first->begin, take * sizeof *frame);
    first->begin += take;
    done += take;
    if (first->begin == first->end) {
      cal_list_remove(&first->node);
      cal_free(first);
    }
  }
  if (done < count) memset(frame + done, 0, (count - done) * sizeof *frame);
  queue->taken += done;
  return done;
}

uint64_t cal_carrier_queue_waiting(const cal_carrier_queue *queue) { return queue->received - queue->taken; }
uint64_t cal_carrier_queue_dropped(const cal_carrier_queue *queue) { return queue->dropped; }
