/* Fields of requests: which of them handlers see. */
#include "net/kit.h"

#define FLOOD 90 /* fewer than a head may have, more than are shown */

typedef struct seen {
  cal_server *server;
  char text[8192]; /* "name=value;" of every field */
  int count;
} seen;

static void on_request(void *context, const cal_http_request *request) {
  seen *s = context;
  size_t bytes = 0;
  s->count = (int)request->field_count;
  for (size_t i = 0; i < request->field_count; i++) {
    const cal_http_field *f = &request->fields[i];
    bytes += (size_t)snprintf(s->text + bytes, sizeof s->text - bytes, "%.*s=%.*s;", (int)f->name.bytes,
                              f->name.at, (int)f->value.bytes, f->value.at);
  }
  cal_server_reply(s->server, request->id, &(cal_http_answer){.status = 204});
}

static const char *const wanted[] = {"x-forwarded*", "authorization", "cf-*", "x-forwarded-for", "host"};

static void ask(seen *s, const char *fields) {
  kit k;
  kit_open(&k, NULL);
  *s = (seen){0};
  s->server = kit_serve(
      &k, (cal_server_options){.fields = wanted, .field_count = 5, .context = s, .on_request = on_request});
  raw *r = raw_open(cal_server_port(s->server));
  raw_say(r, "GET / HTTP/1.1\r\nHost: x\r\n");
  raw_say(r, fields);
  raw_say(r, "\r\n");
  WAIT_FOR(&k, raw_has(r, "HTTP/1.1 204"));
  raw_close(r);
  kit_close(&k);
}

static void the_wanted_ones_are_seen_and_no_others(void **state) {
  seen s;
  ask(&s, "X-Other: 1\r\nAuthorization: Bearer k\r\nX-Forwarde: 2\r\n");
  assert_string_equal(s.text, "authorization=Bearer k;host=x;");
}

static void repeated_ones_are_joined(void **state) {
  seen s;
  ask(&s, "X-Forwarded-For: a\r\nAuthorization: b\r\nX-Forwarded-For: c\r\nCF-Ray: 1\r\ncf-ray: 2\r\n");
  assert_string_equal(s.text, "authorization=b;x-forwarded-for=a, c;host=x;cf-ray=1, 2;");
}

static void all_that_begin_so_are_seen_once(void **state) {
  seen s;
  ask(&s, "X-Forwarded-New: n\r\nX-Forwarded: \r\nX-Forwarded-For: f\r\nCF-: c\r\n");
  assert_string_equal(s.text, "x-forwarded-for=f;host=x;x-forwarded-new=n;x-forwarded=;cf-=c;");
}

static void a_flood_of_them_hides_none_that_is_named(void **state) {
  static char fields[FLOOD * 32];
  size_t bytes = 0;
  seen s;
  for (int i = 0; i < FLOOD; i++)
    bytes += (size_t)snprintf(fields + bytes, sizeof fields - bytes, "X-Forwarded-%d: 1\r\n", i);
  snprintf(fields + bytes, sizeof fields - bytes, "Authorization: last\r\n");
  ask(&s, fields);
  assert_int_equal(s.count, 64);
  assert_non_null(strstr(s.text, "authorization=last;"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_wanted_ones_are_seen_and_no_others),
      cmocka_unit_test(repeated_ones_are_joined),
      cmocka_unit_test(all_that_begin_so_are_seen_once),
      cmocka_unit_test(a_flood_of_them_hides_none_that_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
