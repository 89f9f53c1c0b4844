/* twilio: how Twilio signs what it sends to a service, and its forms. Its messages are in wire.
 *
 * Signatures: base64(HMAC-SHA1(auth token, URL + every parameter's name and value, by name)); the upgrade of
 * a media socket is signed over its ws URL without parameters. */
#ifndef LOAD_TWILIO_H
#define LOAD_TWILIO_H

#include <stddef.h>
#include <stdint.h>

#define LOAD_SIGNATURE_BYTES 32 /* base64 of 20 bytes with its final zero, and some */

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

#endif
