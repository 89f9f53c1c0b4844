#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/address.h"

static void which_addresses_are_private(void **state) {
  static const struct {
    const char *address;
    int is_private;
  } cases[] = {
      {"127.0.0.1", 1},
      {"127.255.0.9", 1},
      {"0.0.0.0", 1},
      {"10.1.2.3", 1},
      {"100.64.0.1", 1},
      {"100.63.255.255", 0},
      {"100.128.0.1", 0},
      {"169.254.169.254", 1},
      {"172.15.0.1", 0},
      {"172.16.0.1", 1},
      {"172.31.255.255", 1},
      {"172.32.0.1", 0},
      {"192.168.1.1", 1},
      {"192.169.1.1", 0},
      {"198.18.0.1", 1},
      {"198.20.0.1", 0},
      {"224.0.0.1", 1},
      {"255.255.255.255", 1},
      {"8.8.8.8", 0},
      {"1.1.1.1", 0},
      {"::", 1},
      {"::1", 1},
      {"::ffff:10.0.0.1", 1},
      {"::ffff:8.8.8.8", 0},
      {"::127.0.0.1", 1},
      {"64:ff9b::7f00:1", 1},
      {"64:ff9b::808:808", 0},
      {"2002:7f00:1::", 1},
      {"2002:808:808::", 0},
      {"fc00::1", 1},
      {"fd12:3456::1", 1},
      {"fe80::1", 1},
      {"fec0::1", 1},
      {"ff02::1", 1},
      {"2001:4860:4860::8888", 0},
      {"2606:4700::1111", 0},
      {"no address", 1},
      {"", 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    if (cal_address_is_private_text(cases[i].address) != cases[i].is_private)
      fail_msg("%s", cases[i].address);
}

static void which_addresses_are_this_machine(void **state) {
  static const struct {
    const char *address;
    int is_loopback;
  } cases[] = {{"127.0.0.1", 1},        {"127.255.0.9", 1}, {"::1", 1},
               {"::ffff:127.0.0.1", 1}, {"0.0.0.0", 0},     {"::", 0},
               {"128.0.0.1", 0},        {"10.0.0.1", 0},    {"::2", 0},
               {"::127.0.0.1", 0},      {"fe80::1", 0},     {"", 0},
               {"::ffff:1.0.0.127", 0}, {"localhost", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    if (cal_address_is_loopback_text(cases[i].address) != cases[i].is_loopback)
      fail_msg("%s", cases[i].address);
}

static void text_and_back(void **state) {
  static const char *const cases[] = {"127.0.0.1", "203.0.113.9", "::1", "2001:db8::5"};
  for (size_t i = 0; i < 4; i++) {
    struct sockaddr_storage address;
    char text[64];
    assert_int_equal(cal_address_parse(&address, cases[i], 80), 0);
    cal_address_text((const struct sockaddr *)&address, text, sizeof text);
    assert_string_equal(text, cases[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(which_addresses_are_private),
                                     cmocka_unit_test(which_addresses_are_this_machine),
                                     cmocka_unit_test(text_and_back)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
