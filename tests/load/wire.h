/* wire: what one carrier says to a service: how it asks what to do with a call, where in the answer the media
 * socket stands, and the messages on it. All of it is data; line and media obey it.
 *
 * Texts are templates, in which ' stands for ", so that JSON can be read. Their variables: ${call},
 * ${stream},
 * ${agent}, ${account}, ${status} (of a webhook) and ${mark}; the numbers ${seq} (of text messages, from 1),
 * ${peer} (the last number the service gave), ${chunk} (of audio messages, from 1), ${ms} and ${seconds} (of
 * sound before this message); and ${audio}. */
#ifndef LOAD_WIRE_H
#define LOAD_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "load/sound.h"

typedef struct load_wire {
  const char *name;    /* as --wire has it */
  const char *setting; /* the service's name of this format, for <CARRIER>_AUDIO; "-": it has one only */
  load_format format;
  const char *carrier; /* in the service's paths */
  int has_uuids;

  /* Webhooks. Twilio's are signed, and written in twilio.c; the others' are templates. Without any the socket
   * comes first. */
  int is_signed;
  const char *media_type, *ask, *tell;
  /* Where a URL stands in the answer: in this element, if any, behind these letters, up to that one. */
  struct {
    const char *element, *before;
    char end;
  } url;

  /* The upgrade, where it says more than a URL. */
  const char *path, *headers;

  /* The socket, ours. No audio goes before the service has said `ready`. */
  const char *opening[2], *ready, *audio, *mark, *stop;
  /* The service's: how its messages begin, or what stands near their beginning. Without a name of marks
   * everything that was sent has been played when the queue runs empty. */
  const char *audio_in, *mark_in, *mark_name, *clear_in, *sequence_in;
} load_wire;

/* NULL: there is none of this name. */
const load_wire *load_wire_find(const char *name);
const load_wire *load_wire_at(size_t i); /* NULL after the last */

typedef struct load_values {
  const char *call, *stream, *agent, *account, *status, *mark, *audio;
  size_t audio_bytes;
  uint64_t seq, peer, chunk, ms;
} load_values;

/* Writes a template with a final zero, and returns its length. What does not fit ends the program. */
size_t load_write(char *into, size_t room, const char *text, const load_values *values);

/* The media socket's URL in an answer; 0, or -1 when there is none. */
int load_wire_url(const load_wire *wire, const char *answer, char *into, size_t room);

#endif
