#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SENTENCE_ROOM 512

static _Thread_local char sentence[SENTENCE_ROOM];

int cal_fail(int code, const char *format, ...) {
  /* Written aside first: a caller may well put the previous sentence into the new one. */
  char fresh[SENTENCE_ROOM];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(fresh, sizeof fresh, format, arguments);
  va_end(arguments);
  memcpy(sentence, fresh, strlen(fresh) + 1);
  return code;
}

const char *cal_error_text(void) { return sentence; }

/* What libuv adds to the system's own numbers; they are part of its interface and do not move. */
static const struct {
  int code;
  const char *name;
} libuv_names[] = {
    {4095, "EOF"},          {4094, "EUNKNOWN"},       {4080, "ECHARSET"},
    {4028, "EFTYPE"},       {3000, "EAI_ADDRFAMILY"}, {3001, "EAI_AGAIN"},
    {3002, "EAI_BADFLAGS"}, {3003, "EAI_CANCELED"},   {3004, "EAI_FAIL"},
    {3005, "EAI_FAMILY"},   {3006, "EAI_MEMORY"},     {3007, "EAI_NODATA"},
    {3008, "EAI_NONAME"},   {3009, "EAI_OVERFLOW"},   {3010, "EAI_SERVICE"},
    {3011, "EAI_SOCKTYPE"}, {3013, "EAI_BADHINTS"},   {3014, "EAI_PROTOCOL"},
};

const char *cal_error_name(int code) {
  int positive = code < 0 ? -code : code;
  if (positive == 0) return "EUNKNOWN";
  for (size_t i = 0; i < sizeof libuv_names / sizeof libuv_names[0]; i++)
    if (libuv_names[i].code == positive) return libuv_names[i].name;
  const char *name = strerrorname_np(positive);
  return name ? name : "EUNKNOWN";
}
