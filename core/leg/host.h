/* host: what legs and their ports need of the thread they live on. Filled in by that thread's owner before the
 * first of them, unchanged and alive until after the last one; everything is borrowed. */
#ifndef CAL_LEG_HOST_H
#define CAL_LEG_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "base/scratch.h"
#include "loop/wheel.h"
#include "net/net.h"

/* Where recordings go. Open returns a handle, or NULL (the call goes on unrecorded); write takes the block;
 * close gives the bytes to be written over the beginning of the file, and the length in samples. */
typedef struct cal_recordings {
  void *context;
  void *(*open)(void *context, const char *path, const char *call);
  void (*write)(void *context, void *file, uint8_t *block, size_t bytes);
  void (*close)(void *context, void *file, const uint8_t *head, size_t bytes, uint64_t samples);
} cal_recordings;

/* For specs: what a leg of role CARRIER plays to its subscriber, frame by frame, silence included. All three
 * or none; `open` gives what the others get (NULL: not listened to). */
typedef struct cal_hearing {
  void *context;
  void *(*open)(void *context, const char *call, uint32_t rate_hz);
  void (*put)(void *ear, const int16_t *samples, size_t count);
  void (*close)(void *ear);
} cal_hearing;

/* Sees every message of the ports that are watched, as it is on the wire. */
typedef struct cal_watcher {
  void *context;
  void (*saw)(void *context, const char *call, int is_ours, const char *data, size_t bytes, int is_binary);
} cal_watcher;

typedef struct cal_host {
  cal_loop *loop;
  cal_net *net;
  cal_wheel *wheel;     /* ticks the legs */
  cal_scratch *samples; /* while sound is read, and while a frame is made */
  cal_scratch *message; /* while a message is written */
  cal_recordings recordings;
  cal_hearing hearing;
  cal_watcher watcher; /* saw NULL: nothing is watched */
} cal_host;

#endif
