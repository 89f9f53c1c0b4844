/* Who may open a media socket: once, in time, and signed when the carrier signs. */
#include "io/kit.h"

#include <malloc.h>
#include <pthread.h>

static kit k;

static int setup(void **state) {
  kit_open(&k);
  return 0;
}

static int teardown(void **state) {
  kit_close(&k);
  return 0;
}

typedef struct sent {
  const char *name, *value;
} sent;

static const char *header(void *context, const char *name) {
  const sent *s = context;
  return s && s->name && !strcmp(s->name, name) ? s->value : NULL;
}

static uint64_t now(void) { return cal_loop_now_ns(k.loop); }

static cal_party *add(const char *path, cal_party_options options) {
  options.path = path;
  if (!options.token_expires_ns) options.token_expires_ns = now() + 60 * CAL_S;
  cal_party *party = kit_call(&k, options);
  assert_int_equal(cal_tokens_add(k.tokens, party, now()), 0);
  return party;
}

static int take(const char *path, sent *s) {
  int status = 0;
  cal_party *party = cal_tokens_take(k.tokens, path, header, s, now(), &status);
  cal_unref(party);
  return party ? 0 : status;
}

static void a_token_opens_one_socket(void **state) {
  cal_party *party = add("/media/abc", (cal_party_options){0});
  int status = 0;
  assert_int_equal(take("/media/abd", NULL), 401);
  assert_int_equal(take("/media/ab", NULL), 401);
  assert_int_equal(take("", NULL), 401);
  cal_party *taken = cal_tokens_take(k.tokens, "/media/abc", header, NULL, now(), &status);
  assert_ptr_equal(taken, party);
  cal_unref(taken);
  assert_int_equal(take("/media/abc", NULL), 403);
  assert_int_equal(take("/media/abc", NULL), 403);
  cal_unref(party);
}

static void a_token_has_its_time(void **state) {
  cal_party *party = add("/media/abc", (cal_party_options){.token_expires_ns = now() + 10 * CAL_S});
  kit_run_ms(&k, 10000);
  assert_int_equal(take("/media/abc", NULL), 403);
  cal_unref(party);
}

static void the_last_nanosecond_is_in_time(void **state) {
  cal_party *party = add("/media/abc", (cal_party_options){.token_expires_ns = now() + 10 * CAL_S + 1});
  kit_run_ms(&k, 10000);
  assert_int_equal(take("/media/abc", NULL), 0);
  cal_unref(party);
}

static void a_withdrawn_token_was_never_there(void **state) {
  cal_party *party = add("/media/abc", (cal_party_options){0});
  cal_tokens_withdraw(k.tokens, "/media/abc");
  cal_tokens_withdraw(k.tokens, "/media/abc");
  cal_tokens_withdraw(k.tokens, "/media/other");
  assert_int_equal(take("/media/abc", NULL), 401);
  cal_unref(party);
  party = add("/media/used", (cal_party_options){0});
  assert_int_equal(take("/media/used", NULL), 0);
  cal_tokens_withdraw(k.tokens, "/media/used"); /* the call is over: still a used one */
  assert_int_equal(take("/media/used", NULL), 403);
  cal_unref(party);
}

static void a_wrong_signature_is_refused_and_costs_nothing(void **state) {
  static const char *const right[] = {"c2lnbmVk", "b3RoZXI=", NULL};
  static const struct {
    int is_required;
    sent sent;
    int status;
  } cases[] = {
      {0, {NULL, NULL}, 0},
      {1, {NULL, NULL}, 403},
      {0, {"x-signature", "c2lnbmVk"}, 0},
      {1, {"x-signature", "c2lnbmVk"}, 0},
      {1, {"x-signature", "b3RoZXI="}, 0},
      {0, {"x-signature", "c2lnbmVj"}, 403},
      {1, {"x-signature", "c2lnbmV"}, 403},
      {0, {"x-signature", ""}, 403},
      {1, {"x-other", "c2lnbmVk"}, 403},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[32];
    snprintf(path, sizeof path, "/media/%zu", i);
    cal_party *party = add(path, (cal_party_options){.signature_header = "x-signature",
                                                     .signatures = right,
                                                     .signature_is_required = cases[i].is_required});
    sent given = cases[i].sent, good = {"x-signature", "c2lnbmVk"};
    int status = take(path, &given);
    if (status != cases[i].status) fail_msg("case %zu: %d", i, status);
    if (status) assert_int_equal(take(path, &good), 0); /* the right one still gets in */
    cal_unref(party);
  }
}

static void outstanding_tokens_have_a_ceiling(void **state) {
  cal_party *calls[101];
  char path[32];
  for (int i = 0; i < 100; i++) {
    snprintf(path, sizeof path, "/media/%d", i);
    calls[i] = add(path, (cal_party_options){0});
  }
  calls[100] =
      kit_call(&k, (cal_party_options){.path = "/media/100", .token_expires_ns = now() + 200 * CAL_S});
  assert_int_equal(cal_tokens_add(k.tokens, calls[100], now()), -ENOBUFS);
  kit_run_ms(&k, 60000); /* the others are over: their room is free */
  assert_int_equal(cal_tokens_add(k.tokens, calls[100], now()), 0);
  assert_int_equal(cal_tokens_add(k.tokens, calls[100], now()), -EEXIST);
  assert_int_equal(take("/media/100", NULL), 0);
  for (int i = 0; i < 101; i++) cal_unref(calls[i]);
}

static void tokens_come_and_go_in_flat_memory(void **state) {
  size_t after_first = 0;
  for (int round = 0; round < 40; round++) {
    for (int i = 0; i < 50; i++) {
      char path[32];
      snprintf(path, sizeof path, "/media/%d-%d", round, i);
      cal_party *party = add(path, (cal_party_options){0});
      if (i % 2) assert_int_equal(take(path, NULL), 0);
      cal_unref(party);
    }
    kit_run_ms(&k, 61000);
    if (round == 5) after_first = mallinfo2().uordblks;
  }
  assert_true(mallinfo2().uordblks < after_first + 64 * 1024);
}

enum { THREADS = 4, ROUNDS = 2000 };
static int taken_by[THREADS];
static uint64_t frozen_now;

static void *take_all(void *context) {
  int *mine = context;
  for (int i = 0; i < 90; i++)
    for (int again = 0; again < ROUNDS / 90; again++) {
      char path[32];
      int status;
      snprintf(path, sizeof path, "/media/%d", i);
      cal_party *party = cal_tokens_take(k.tokens, path, header, NULL, frozen_now, &status);
      if (party) ++*mine;
      cal_unref(party);
    }
  return NULL;
}

static void threads_that_race_for_a_token_do_not_share_it(void **state) {
  cal_party *calls[90];
  pthread_t threads[THREADS];
  for (int i = 0; i < 90; i++) {
    char path[32];
    snprintf(path, sizeof path, "/media/%d", i);
    calls[i] = add(path, (cal_party_options){0});
  }
  frozen_now = now();
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, take_all, &taken_by[i]);
  int taken = 0;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    taken += taken_by[i];
  }
  assert_int_equal(taken, 90);
  for (int i = 0; i < 90; i++) cal_unref(calls[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_token_opens_one_socket),
      TEST(a_token_has_its_time),
      TEST(the_last_nanosecond_is_in_time),
      TEST(a_withdrawn_token_was_never_there),
      TEST(a_wrong_signature_is_refused_and_costs_nothing),
      TEST(outstanding_tokens_have_a_ceiling),
      TEST(tokens_come_and_go_in_flat_memory),
      TEST(threads_that_race_for_a_token_do_not_share_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
