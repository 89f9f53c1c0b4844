/* On whose account a party's sentences are said. */
#include "io/kit.h"

#include "io/say.h"

static kit k;

/* A voice that gives its askers two sentences each, and nobody's in particular all. */
typedef struct counting_voice {
  uint32_t said, refused, nobodys;
} counting_voice;

static int say(void *self, const cal_saying *saying, cal_on_clip on_clip, void *context) {
  counting_voice *voice = self;
  if (!saying->who) {
    voice->nobodys++;
  } else if (voice->said == 2) {
    voice->refused++;
    return -ENOBUFS;
  } else {
    voice->said++;
  }
  on_clip(context, NULL, 1, 0);
  return 0;
}

static int setup(void **state) {
  kit_open(&k);
  return 0;
}

static int teardown(void **state) {
  kit_close(&k);
  return 0;
}

static void a_greedy_script_cannot_have_the_last_words_refused(void **state) {
  static const cal_voice_ops ops = {.say = say};
  counting_voice counting = {0};
  cal_talk_voice voice = {.ops = &ops, .self = &counting};
  cal_party *party = kit_call(&k, (cal_party_options){.carrier_call = "CA1", .handle = 7});
  for (uint32_t i = 1; i <= 5; i++) cal_say_text(voice, party, i, "more", NULL, 0);
  assert_int_equal(counting.said, 2);
  assert_int_equal(counting.refused, 3);
  cal_say_last_words(voice, party, 6, "We are sorry.", NULL);
  assert_int_equal(counting.nobodys, 1);
  assert_int_equal(counting.refused, 3);
  cal_unref(party);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_greedy_script_cannot_have_the_last_words_refused, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
