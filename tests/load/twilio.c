#include "load/twilio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

/* ---- signatures and forms */

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
