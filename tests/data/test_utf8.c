/* What is not UTF-8 becomes readable, and what is stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/utf8.h"

static void only_what_is_no_character_is_replaced(void **state) {
  const struct {
    const char *what, *text, *mended;
  } cases[] = {
      {"nothing", "", ""},
      {"ASCII", "order 17", "order 17"},
      {"two, three and four bytes", "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x93\x9E",
       "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x93\x9E"},
      {"Latin-1", "Jos\xE9", "Jos\xEF\xBF\xBD"},
      {"bytes that begin nothing", "\xFF\xFE", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"a character cut off at the end", "a\xE2\x82", "a\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"a character cut off in the middle", "\xE2\x82z", "\xEF\xBF\xBD\xEF\xBF\xBDz"},
      {"an overlong slash", "\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"a surrogate", "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char into[64] = {0};
    size_t bytes = strlen(cases[i].text), mended = cal_utf8_mend(NULL, cases[i].text, bytes);
    if (mended != cal_utf8_mend(into, cases[i].text, bytes) || mended != strlen(cases[i].mended) ||
        strcmp(into, cases[i].mended) != 0)
      fail_msg("%s: \"%s\" of %zu bytes", cases[i].what, into, mended);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(only_what_is_no_character_is_replaced)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
