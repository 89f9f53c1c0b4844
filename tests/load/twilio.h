/* twilio: what Twilio says to a service: signed forms, the messages of a media stream, the sound of a caller.
 *
 * Signatures: base64(HMAC-SHA1(auth token, URL + every parameter's name and value, by name)); the upgrade of
 * a media socket is signed over its ws URL without parameters. Messages as in Twilio's "Media Streams –
 * WebSocket Messages". */
#ifndef LOAD_TWILIO_H
#define LOAD_TWILIO_H

#include <stddef.h>
#include <stdint.h>

#define LOAD_SIGNATURE_BYTES 32 /* base64 of 20 bytes with its final zero, and some */
#define LOAD_FRAME_BYTES 160    /* 20 ms of μ-law */

typedef struct load_parameter {
  const char *name, *value;
} load_parameter;

/* Sorts the parameters. */
void load_sign(char signature[LOAD_SIGNATURE_BYTES], const char *token, const char *url,
               load_parameter *parameters, size_t count);

/* "a=1&b=2", percent-encoded. Returns its length; `room` must hold three times the text. */
size_t load_form(char *into, size_t room, const load_parameter *parameters, size_t count);

typedef struct load_webhook {
  const char *account, *call, *from, *to, *status; /* status: "ringing", "completed" … */
  int is_final;
} load_webhook;

#define LOAD_WEBHOOK_PARAMETERS 16
size_t load_webhook_parameters(const load_webhook *webhook,
                               load_parameter parameters[LOAD_WEBHOOK_PARAMETERS]);

/* The value of the Stream noun's url in an answer document; 0, or -1 when there is none. */
int load_stream_url(const char *document, char *into, size_t room);

/* The sound of a caller, four seconds long and then again: faint line noise, or two seconds of it and two of
 * syllables. */
void load_sound_make(int is_talking);

/* A media message of the stream: chunk counts from 1. Returns its length; at most 512. */
size_t load_media(char *into, const char *stream, uint32_t chunk, uint64_t sequence);

#endif
