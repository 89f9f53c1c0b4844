#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "speech/grammar.h"
#include "speech/phrase.h"

static cal_dict *dict;

static int open_dict(void **state) { return cal_dict_open(&dict, NULL); }

static int close_dict(void **state) {
  dict = cal_unref(dict);
  return 0;
}

static void words_are_found_with_their_variants(void **state) {
  char phones[CAL_DICT_PHONES_BYTES];
  assert_int_equal(1, cal_dict_find(dict, phones, "yes", 1));
  assert_string_equal("Y EH S", phones);
  assert_int_equal(1, cal_dict_find(dict, phones, "the", 2));
  assert_int_equal(0, cal_dict_find(dict, phones, "yes", 2));
  assert_int_equal(0, cal_dict_find(dict, phones, "callisto", 1));
  assert_int_equal(0, cal_dict_find(dict, phones, "", 1));
}

static void unknown_words_are_guessed_or_named(void **state) {
  char phones[CAL_DICT_PHONES_BYTES];
  assert_int_equal(0, cal_dict_guess(dict, phones, "swiggy"));
  assert_string_equal("S W IH G G IY", phones);
  assert_int_equal(0, cal_dict_guess(dict, phones, "sbt"));
  assert_string_equal("EH S B IY T IY", phones);
  assert_int_equal(-EINVAL, cal_dict_guess(dict, phones, "na\xc3\xafve"));
  assert_non_null(strstr(cal_error_text(), "na\xc3\xafve"));
}

static void a_file_that_is_no_dictionary_is_refused(void **state) {
  cal_dict *other = NULL;
  assert_int_equal(-ENOENT, cal_dict_open(&other, "/nowhere/dict"));
  assert_int_equal(-EINVAL, cal_dict_open(&other, "/dev/null"));
  assert_null(other);
}

static void phrases_become_words(void **state) {
  static const struct {
    const char *text, *words;
  } cases[] = {{"Yes, please!", "yes please"},
               {"  that's RIGHT ", "that's right"},
               {"'quoted'", "quoted"},
               {"press 2", "press two"},
               {"42", "forty two"},
               {"407", "four zero seven"},
               {"10 am", "ten am"},
               {"call_back-now", "call back now"},
               {"20", "twenty"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cal_words words;
    char text[128] = "";
    assert_int_equal(0, cal_words_of(&words, cases[i].text));
    for (size_t w = 0; w < words.count; w++)
      snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", w ? " " : "", words.word[w]);
    assert_string_equal(cases[i].words, text);
  }
  cal_words words;
  assert_int_equal(-EINVAL, cal_words_of(&words, " ?! "));
  assert_int_equal(-EINVAL, cal_words_of(&words, "a b c d e f g h i j k l m n o p q"));
}

static cal_grammar *menu(void) {
  static const char *const sales[] = {"sales", "buy something"}, *const support[] = {"support",
                                                                                     "technical support"};
  static const cal_choice choices[] = {{"sales", sales, 2}, {"support", support, 2}, {"call_back", NULL, 0}};
  cal_grammar *grammar = NULL;
  assert_int_equal(
      0, cal_grammar_new(&grammar, dict, &(cal_grammar_options){.choices = choices, .choice_count = 3}));
  return grammar;
}

static void what_was_heard_leads_to_the_choice(void **state) {
  static const struct {
    const char *heard, *id;
    int is_rejected;
  } cases[] = {{"sales", "sales", 0},
               {"um i'd like technical support please", "support", 0},
               {"call back", "call_back", 0},
               {"buy something thank you", "sales", 0},
               {"xx-aa xx-b", "", 1},
               {"xx-aa", "", 0}, /* a knock, or "uh" */
               {"sales support", "", 1},
               {"", "", 0},
               {NULL, "", 0},
               {"um", "", 1}};
  cal_grammar *grammar = menu();
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cal_match match;
    cal_grammar_match(grammar, &match, cases[i].heard);
    assert_string_equal(cases[i].id, match.id);
    assert_int_equal(cases[i].is_rejected, match.is_rejected);
    assert_int_equal(cases[i].id[0] != 0, match.choice >= 0);
  }
  cal_unref(grammar);
}

static void digits_are_read_and_a_choice_among_them_is_not_mixed_up(void **state) {
  static const char *const phrases[] = {"two"};
  static const cal_choice choice = {"second", phrases, 1};
  cal_grammar *grammar = NULL;
  cal_grammar_options options = {.choices = &choice, .choice_count = 1, .digits_min = 1, .digits_max = 6};
  assert_int_equal(0, cal_grammar_new(&grammar, dict, &options));
  cal_match match;
  cal_grammar_match(grammar, &match, "four zero two");
  assert_string_equal("402", match.digits);
  assert_int_equal(-1, match.choice);
  cal_grammar_match(grammar, &match, "um two please");
  assert_string_equal("second", match.id);
  assert_string_equal("", match.digits);
  cal_unref(grammar);
}

static const struct {
  const char *said, *number;
  uint32_t most; /* the smallest that has words for it */
} numbers[] = {{"zero", "0", 1},
               {"seven", "7", 10},
               {"nineteen", "19", 20},
               {"forty two", "42", 99},
               {"a hundred", "100", 100},
               {"two hundred and five", "205", 999},
               {"two hundred five", "205", 999},
               {"fifteen hundred", "1500", 5000},
               {"a thousand and one", "1001", 5000},
               {"twelve thousand three hundred and forty five", "12345", 99999},
               {"nine hundred ninety nine thousand nine hundred ninety nine", "999999", 999999},
               {"one lakh twenty thousand", "120000", 200000},
               {"ninety nine lakhs ninety nine thousand nine hundred and ninety nine", "9999999", 9999999},
               {"a million and one", "1000001", 9999999},
               {"nine million two hundred thousand and eighteen", "9200018", 9999999}};

static cal_grammar *numbers_up_to(uint32_t most) {
  cal_grammar *grammar = NULL;
  cal_grammar_options options = {.number_max = most, .has_fraction = 1, .has_minus = 1};
  assert_int_equal(0, cal_grammar_new(&grammar, dict, &options));
  return grammar;
}

static void numbers_in_words_are_read(void **state) {
  static const uint32_t ceilings[] = {10, 99, 100, 999, 5000, 99999, 999999, 9999999};
  for (size_t c = 0; c < sizeof ceilings / sizeof *ceilings; c++) {
    cal_grammar *grammar = numbers_up_to(ceilings[c]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
      if (numbers[i].most > ceilings[c]) continue;
      char text[160], number[CAL_NUMBER_BYTES];
      cal_match match;
      cal_grammar_read(grammar, &match, numbers[i].said);
      assert_string_equal(match.number, numbers[i].number);
      assert_false(match.is_rejected);
      snprintf(text, sizeof text, "Um, it's minus %s point oh please", numbers[i].said);
      cal_grammar_read(grammar, &match, text);
      assert_true(match.is_rejected);
      snprintf(text, sizeof text, "Um, I want minus %s point zero five, please!", numbers[i].said);
      cal_grammar_read(grammar, &match, text);
      snprintf(number, sizeof number, "-%s.05", numbers[i].number);
      assert_string_equal(match.number, number);
    }
    cal_unref(grammar);
  }
}

static void what_is_no_number_is_refused(void **state) {
  static const char *const cases[] = {"please",
                                      "and",
                                      "hundred",
                                      "thousand",
                                      "twenty twenty",
                                      "one two",
                                      "point five",
                                      "minus",
                                      "five thousand lakh",
                                      "ten million",
                                      "two hundred and",
                                      "forty eleven",
                                      "one thousand thousand",
                                      "lakh",
                                      "um please",
                                      "seven point"};
  cal_grammar *grammar = numbers_up_to(CAL_GRAMMAR_NUMBER);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cal_match match;
    cal_grammar_read(grammar, &match, cases[i]);
    if (!match.is_rejected) fail_msg("%s is taken for %s", cases[i], match.number);
  }
  cal_unref(grammar);
  cal_grammar_options low = {.number_max = 999};
  assert_int_equal(0, cal_grammar_new(&grammar, dict, &low));
  cal_match match;
  cal_grammar_read(grammar, &match, "one thousand");
  assert_true(match.is_rejected);
  cal_grammar_read(grammar, &match, "one point five");
  assert_true(match.is_rejected);
  cal_grammar_read(grammar, &match, "minus one");
  assert_true(match.is_rejected);
  cal_unref(grammar);
}

static void every_number_is_read_as_what_it_is(void **state) {
  cal_grammar *grammar = numbers_up_to(999999);
  for (uint32_t n = 1; n < 1000000; n += 1 + n / 7) {
    char text[160] = "", right[16];
    const uint32_t parts[] = {n / 1000, n % 1000};
    for (int i = 0; i < 2; i++) {
      uint32_t hundreds = parts[i] / 100, rest = parts[i] % 100;
      size_t room = sizeof text;
      if (hundreds)
        snprintf(text + strlen(text), room - strlen(text), " %s hundred", cal_number_units[hundreds]);
      if (rest >= 20) snprintf(text + strlen(text), room - strlen(text), " %s", cal_number_tens[rest / 10]);
      if (rest >= 20) rest %= 10;
      if (rest) snprintf(text + strlen(text), room - strlen(text), " %s", cal_number_units[rest]);
      if (!i && parts[0]) snprintf(text + strlen(text), room - strlen(text), " thousand");
    }
    snprintf(right, sizeof right, "%u", n);
    cal_match match;
    cal_grammar_read(grammar, &match, text + 1);
    assert_string_equal(match.number, right);
  }
  cal_unref(grammar);
}

static void digits_beside_numbers_are_both(void **state) {
  cal_grammar *grammar = NULL;
  cal_grammar_options options = {.number_max = 9999999, .digits_min = 1, .digits_max = 9};
  assert_int_equal(0, cal_grammar_new(&grammar, dict, &options));
  static const struct {
    const char *said, *number, *digits;
  } cases[] = {{"four zero seven", "407", "407"},
               {"it's zero five please", "05", "05"},
               {"five", "5", "5"},
               {"forty two", "42", ""},
               {"3500", "3500", "3500"},
               {"42", "42", ""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cal_match match;
    cal_grammar_read(grammar, &match, cases[i].said);
    assert_string_equal(match.number, cases[i].number);
    assert_string_equal(match.digits, cases[i].digits);
  }
  cal_unref(grammar);
  options.number_max = 0;
  assert_int_equal(0, cal_grammar_new(&grammar, dict, &options));
  cal_match match;
  cal_grammar_read(grammar, &match, "42"); /* only digits are expected, so it is two of them */
  assert_string_equal(match.digits, "42");
  cal_unref(grammar);
}

static void the_same_answers_give_the_same_text_and_other_ones_another(void **state) {
  cal_grammar *one = menu(), *two = menu(), *digits = NULL;
  assert_int_equal(0,
                   cal_grammar_new(&digits, dict, &(cal_grammar_options){.digits_min = 4, .digits_max = 4}));
  assert_string_equal(cal_grammar_fsg(one), cal_grammar_fsg(two));
  assert_true(cal_grammar_hash(one) == cal_grammar_hash(two));
  assert_true(cal_grammar_hash(one) != cal_grammar_hash(digits));
  cal_unref(one);
  cal_unref(two);
  cal_unref(digits);
}

static void what_cannot_be_a_grammar_is_refused(void **state) {
  static const char *const same[] = {"Sales!"}, *const foreign[] = {"\xe0\xa4\xb9\xe0\xa4\xbe\xe0\xa4\x81"};
  static const cal_choice twice[] = {{"sales", NULL, 0}, {"shop", same, 1}},
                          hindi[] = {{"yes_hi", foreign, 1}}, none[] = {{"", NULL, 0}};
  const cal_grammar_options cases[] = {
      {.choices = twice, .choice_count = 2}, {.choices = hindi, .choice_count = 1},
      {.choices = none, .choice_count = 1},  {0},
      {.digits_min = 5, .digits_max = 4},    {.digits_min = 1, .digits_max = CAL_GRAMMAR_DIGITS + 1},
      {.digits_max = 4, .reject = 0.5},      {.number_max = CAL_GRAMMAR_NUMBER + 1}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cal_grammar *grammar = NULL;
    assert_int_equal(-EINVAL, cal_grammar_new(&grammar, dict, &cases[i]));
    assert_null(grammar);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_are_found_with_their_variants),
      cmocka_unit_test(unknown_words_are_guessed_or_named),
      cmocka_unit_test(a_file_that_is_no_dictionary_is_refused),
      cmocka_unit_test(phrases_become_words),
      cmocka_unit_test(what_was_heard_leads_to_the_choice),
      cmocka_unit_test(digits_are_read_and_a_choice_among_them_is_not_mixed_up),
      cmocka_unit_test(numbers_in_words_are_read),
      cmocka_unit_test(what_is_no_number_is_refused),
      cmocka_unit_test(every_number_is_read_as_what_it_is),
      cmocka_unit_test(digits_beside_numbers_are_both),
      cmocka_unit_test(the_same_answers_give_the_same_text_and_other_ones_another),
      cmocka_unit_test(what_cannot_be_a_grammar_is_refused),
  };
  return cmocka_run_group_tests(tests, open_dict, close_dict);
}
