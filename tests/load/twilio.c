#include "load/twilio.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { RATE = 8000, SOUND_FRAMES = 200, PAYLOAD_BYTES = 216 };

/* ---- signatures and forms ---------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
  return strcmp(((const load_parameter *)a)->name, ((const load_parameter *)b)->name);
}

void load_sign(char signature[LOAD_SIGNATURE_BYTES], const char *token, const char *url,
               load_parameter *parameters, size_t count) {
  char text[8192];
  size_t bytes = (size_t)snprintf(text, sizeof text, "%s", url);
  if (count) qsort(parameters, count, sizeof *parameters, by_name);
  for (size_t i = 0; i < count && bytes < sizeof text; i++)
    bytes +=
        (size_t)snprintf(text + bytes, sizeof text - bytes, "%s%s", parameters[i].name, parameters[i].value);
  if (bytes >= sizeof text) abort();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  HMAC(EVP_sha1(), token, (int)strlen(token), (unsigned char *)text, bytes, digest, &length);
  EVP_EncodeBlock((unsigned char *)signature, digest, (int)length);
}

static size_t escape(char *into, const char *text) {
  static const char digits[] = "0123456789ABCDEF";
  char *at = into;
  for (; *text; text++) {
    unsigned char byte = (unsigned char)*text;
    int is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                   (byte >= '0' && byte <= '9') || strchr("-._~", byte);
    if (is_plain) {
      *at++ = *text;
    } else {
      *at++ = '%';
      *at++ = digits[byte >> 4];
      *at++ = digits[byte & 15];
    }
  }
  return (size_t)(at - into);
}

size_t load_form(char *into, size_t room, const load_parameter *parameters, size_t count) {
  char *at = into;
  for (size_t i = 0; i < count; i++) {
    size_t most = 3 * (strlen(parameters[i].name) + strlen(parameters[i].value)) + 3;
    if ((size_t)(at - into) + most > room) abort();
    if (i) *at++ = '&';
    at += escape(at, parameters[i].name);
    *at++ = '=';
    at += escape(at, parameters[i].value);
  }
  *at = 0;
  return (size_t)(at - into);
}

size_t load_webhook_parameters(const load_webhook *webhook,
                               load_parameter parameters[LOAD_WEBHOOK_PARAMETERS]) {
  const load_parameter all[] = {{"AccountSid", webhook->account},
                                {"ApiVersion", "2010-04-01"},
                                {"CallSid", webhook->call},
                                {"CallStatus", webhook->status},
                                {"Called", webhook->to},
                                {"Caller", webhook->from},
                                {"Direction", "inbound"},
                                {"From", webhook->from},
                                {"FromCountry", "US"},
                                {"To", webhook->to},
                                {"ToCountry", "US"},
                                {"CallDuration", "12"},
                                {"CallbackSource", "call-progress-events"},
                                {"SequenceNumber", "3"}};
  size_t count = webhook->is_final ? 14 : 11;
  memcpy(parameters, all, count * sizeof *all);
  return count;
}

int load_stream_url(const char *document, char *into, size_t room) {
  const char *noun = strstr(document, "<Stream ");
  const char *end = noun ? strchr(noun, '>') : NULL;
  const char *value = noun ? strstr(noun, " url=\"") : NULL;
  if (!value || value > end) return -1;
  value += 6;
  size_t bytes = strcspn(value, "\"");
  if (bytes >= room) return -1;
  memcpy(into, value, bytes);
  into[bytes] = 0;
  return 0;
}

/* ---- sound ------------------------------------------------------------------------------------------- */

static char sound[SOUND_FRAMES][PAYLOAD_BYTES + 1];

/* G.711: sign, exponent and mantissa of the sample and a bias, all bits inverted. */
static unsigned char mulaw(int sample) {
  int sign = sample < 0 ? 0x80 : 0, exponent = 7;
  sample = abs(sample) + 132;
  if (sample > 32767) sample = 32767;
  for (int bit = 0x4000; exponent > 0 && !(sample & bit); bit >>= 1) exponent--;
  return (unsigned char)~(sign | exponent << 4 | (sample >> (exponent + 3) & 15));
}

/* A voice without words: harmonics of 120 Hz, four syllables a second. */
static double voice_at(double t) {
  double wave = 0;
  for (int k = 1; k < 20; k++) wave += sin(2 * M_PI * 120 * k * t) / k;
  return 5000 * wave * (0.55 - 0.45 * cos(2 * M_PI * 4 * t));
}

void load_sound_make(int is_talking) {
  uint32_t seed = 1;
  for (int frame = 0; frame < SOUND_FRAMES; frame++) {
    unsigned char bytes[LOAD_FRAME_BYTES];
    for (int i = 0; i < LOAD_FRAME_BYTES; i++) {
      double t = (double)(frame * LOAD_FRAME_BYTES + i) / RATE;
      seed = seed * 1664525 + 1013904223;
      double sample = 12 * ((double)(int32_t)seed / 2147483648.0);
      if (is_talking && frame >= SOUND_FRAMES / 2) sample += voice_at(t);
      bytes[i] = mulaw((int)sample);
    }
    EVP_EncodeBlock((unsigned char *)sound[frame], bytes, LOAD_FRAME_BYTES);
  }
}

/* ---- messages ---------------------------------------------------------------------------------------- */

static char *put(char *at, const char *text, size_t bytes) {
  memcpy(at, text, bytes);
  return at + bytes;
}

static char *put_number(char *at, uint64_t number) {
  char digits[20];
  size_t count = 0;
  do digits[sizeof digits - ++count] = (char)('0' + number % 10);
  while (number /= 10);
  return put(at, digits + sizeof digits - count, count);
}

#define PUT(at, text) put(at, text, sizeof(text) - 1)

/* By hand: a load generator writes 50,000 of these a second. */
size_t load_media(char *into, const char *stream, uint32_t chunk, uint64_t sequence) {
  char *at = PUT(into, "{\"event\":\"media\",\"sequenceNumber\":\"");
  at = put_number(at, sequence);
  at = PUT(at, "\",\"media\":{\"track\":\"inbound\",\"chunk\":\"");
  at = put_number(at, chunk);
  at = PUT(at, "\",\"timestamp\":\"");
  at = put_number(at, (uint64_t)chunk * 20);
  at = PUT(at, "\",\"payload\":\"");
  at = put(at, sound[chunk % SOUND_FRAMES], PAYLOAD_BYTES);
  at = PUT(at, "\"},\"streamSid\":\"");
  at = put(at, stream, strlen(stream));
  at = PUT(at, "\"}");
  return (size_t)(at - into);
}
