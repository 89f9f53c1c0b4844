/* What ears tell, as their messages have it: one text, or lists of words. */
#include "wire/kit.h"

static cal_wire_spec ear_spec(void) {
  cal_wire_spec s = {.name = "ear", .encoding = CAL_L16LE, .rate_hz = 16000, .frame_ms = 50};
  s.is_binary_out = 1;
  s.event_path = "event|type";
  s.words.event = "words|Update|StartOfTurn|EagerEndOfTurn|TurnResumed|EndOfTurn";
  s.words.text = "alternative.text|transcript";
  s.words.kinds[CAL_WORDS_FINAL].path = "state";
  s.words.kinds[CAL_WORDS_FINAL].text = "final";
  s.words.from = "from";
  s.words.until = "until";
  return s;
}

static void words_are_partial_until_they_are_final_and_have_their_times(void **state) {
  peer *e = peer_new(ear_spec());
  cal_words *words = e->event.words;
  assert_int_equal(read_text(e, "{\"type\":\"words\",\"alternative\":{\"text\":\"good \\u00e4h\"}}"),
                   CAL_WIRE_TOLD);
  assert_int_equal(e->event.word_count, 1);
  assert_string_equal(words->text, "good \u00e4h");
  assert_int_equal(words->kind, CAL_WORDS_PARTIAL);
  assert_int_equal(words->from_ms, -1);
  assert_int_equal(words->until_ms, -1);
  assert_int_equal(read_text(e, "{\"type\":\"words\",\"state\":\"final\",\"alternative\":{\"text\":\"\"},"
                                "\"from\":1.25,\"until\":2}"),
                   CAL_WIRE_TOLD);
  assert_int_equal(words->kind, CAL_WORDS_FINAL);
  assert_int_equal(words->from_ms, 1250);
  assert_int_equal(words->until_ms, 2000);
  assert_int_equal(
      read_text(e,
                "{\"type\":\"words\",\"state\":\"other\",\"transcript\":null,\"from\":-1,\"until\":\"2\"}"),
      CAL_WIRE_TOLD);
  assert_int_equal(words->kind, CAL_WORDS_PARTIAL);
  assert_string_equal(words->text, "");
  assert_int_equal(words->from_ms, -1);
  assert_int_equal(words->until_ms, -1);
  assert_int_equal(read_text(e, "{\"type\":\"words\"}"), CAL_WIRE_MALFORMED);
  assert_non_null(strstr(e->event.reason, "alternative.text"));
  peer_free(e);
}

static void each_kind_of_words_has_its_sign(void **state) {
  cal_wire_spec s = ear_spec();
  s.words.kinds[CAL_WORDS_FINAL].path = "event";
  s.words.kinds[CAL_WORDS_FINAL].text = "EndOfTurn";
  s.words.kinds[CAL_WORDS_LIKELY].path = "event";
  s.words.kinds[CAL_WORDS_LIKELY].text = "EagerEndOfTurn";
  s.words.kinds[CAL_WORDS_RESUMED].path = "event";
  s.words.kinds[CAL_WORDS_RESUMED].text = "TurnResumed";
  s.words.kinds[CAL_WORDS_STARTED].path = "event";
  s.words.kinds[CAL_WORDS_STARTED].text = "StartOfTurn";
  s.words.kinds[CAL_WORDS_PIECE].path = "kept";
  s.words.kinds[CAL_WORDS_ENDED].path = "ended";
  s.words.turn = "turn";
  s.words.language = "languages.0";
  s.words.confidence = "sure";
  peer *e = peer_new(s);
  static const struct {
    const char *message;
    cal_words_kind kind;
    const char *text;
  } cases[] = {
      {"{\"type\":\"TurnInfo\",\"event\":\"StartOfTurn\",\"turn\":7}", CAL_WORDS_STARTED, ""},
      {"{\"type\":\"TurnInfo\",\"event\":\"Update\",\"transcript\":\"I'd\",\"turn\":7}", CAL_WORDS_PARTIAL,
       "I'd"},
      {"{\"event\":\"EagerEndOfTurn\",\"transcript\":\"I'd like\",\"turn\":7}", CAL_WORDS_LIKELY, "I'd like"},
      {"{\"event\":\"TurnResumed\",\"turn\":7}", CAL_WORDS_RESUMED, ""},
      {"{\"event\":\"EndOfTurn\",\"transcript\":\"I'd like it\",\"turn\":7}", CAL_WORDS_FINAL, "I'd like it"},
      {"{\"type\":\"words\",\"kept\":true,\"transcript\":\"a\",\"turn\":7}", CAL_WORDS_PIECE, "a"},
      {"{\"type\":\"words\",\"kept\":false,\"ended\":true,\"turn\":7}", CAL_WORDS_ENDED, ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(read_text(e, cases[i].message), CAL_WIRE_TOLD);
    assert_int_equal(e->event.words[0].kind, cases[i].kind);
    assert_string_equal(e->event.words[0].text, cases[i].text);
    assert_string_equal(e->event.words[0].turn, "7");
  }
  read_text(e, "{\"type\":\"words\",\"transcript\":\"ja\",\"languages\":[\"de\",\"en\"],\"sure\":0.75}");
  assert_string_equal(e->event.words[0].language, "de");
  assert_true(e->event.words[0].confidence == 0.75);
  peer_free(e);
}

/* {"words":[{"start":…,"end":…}]}: the text stands elsewhere. */
static void a_list_of_words_has_the_times(void **state) {
  cal_wire_spec s = ear_spec();
  s.words.list.at = "words";
  s.words.list.from = "start";
  s.words.list.until = "end";
  peer *e = peer_new(s);
  assert_int_equal(read_text(e, "{\"type\":\"words\",\"transcript\":\"I "
                                "[want]\",\"from\":0,\"until\":9,\"words\":[\n{\"w\":\"I\",\"start\":3.28,"
                                "\"end\":3.36} , {\"w\":\"[\\\"wa,nt]\",\"start\":3.4,\"end\":3.61}, {}]}"),
                   CAL_WIRE_TOLD);
  assert_int_equal(e->event.words[0].from_ms, 3280);
  assert_int_equal(e->event.words[0].until_ms, 3610);
  read_text(e, "{\"type\":\"words\",\"transcript\":\"\",\"until\":9,\"words\":[]}");
  assert_int_equal(e->event.words[0].until_ms, -1);
  peer_free(e);
}

static cal_wire_spec token_spec(void) {
  cal_wire_spec s = {.name = "ear", .encoding = CAL_PCMU, .rate_hz = 8000, .frame_ms = 50};
  s.is_binary_out = 1;
  s.words.is_ms = 1;
  s.words.list.at = "tokens";
  s.words.list.text = "text";
  s.words.list.final = "is_final";
  s.words.list.from = "start_ms";
  s.words.list.until = "end_ms";
  s.words.list.language = "language";
  s.words.list.confidence = "confidence";
  s.words.list.ends = "<end>|<fin>";
  s.error.code = "error_code";
  s.error.text = "error_message";
  return s;
}

static void check(const cal_words *words, cal_words_kind kind, const char *text) {
  assert_int_equal(words->kind, kind);
  assert_string_equal(words->text, text);
}

static void a_list_of_tokens_is_pieces_ends_and_what_may_change(void **state) {
  peer *e = peer_new(token_spec());
  const cal_words *words = e->event.words;
  assert_int_equal(
      read_text(
          e,
          "{\"tokens\":[{\"text\":\"Hel\",\"is_final\":true,\"start_ms\":600,\"end_ms\":720,\"confidence\":0."
          "9,"
          "\"language\":\"en\"},{\"text\":\"lo\",\"is_final\":true,\"start_ms\":720,\"end_ms\":860,"
          "\"confidence\":0.7},"
          "{\"text\":\"<end>\",\"is_final\":true},{\"text\":\" Wh\",\"is_final\":false,\"start_ms\":1700}]}"),
      CAL_WIRE_TOLD);
  assert_int_equal(e->event.word_count, 3);
  check(&words[0], CAL_WORDS_PIECE, "Hello");
  assert_int_equal(words[0].from_ms, 600);
  assert_int_equal(words[0].until_ms, 860);
  assert_true(words[0].confidence == 0.7);
  assert_string_equal(words[0].language, "en");
  assert_true(words[0].is_joined);
  check(&words[1], CAL_WORDS_ENDED, "");
  check(&words[2], CAL_WORDS_PARTIAL, " Wh");
  assert_int_equal(read_text(e, "{\"tokens\":[],\"total_audio_proc_ms\":880}"), CAL_WIRE_IGNORED);
  assert_int_equal(read_text(e, "{\"tokens\":[{\"is_final\":true}]}"), CAL_WIRE_MALFORMED);
  assert_int_equal(read_text(e, "{\"tokens\":[7]}"), CAL_WIRE_MALFORMED);
  assert_int_equal(read_text(e, "{\"tokens\":[],\"error_code\":503,\"error_message\":\"again\"}"),
                   CAL_WIRE_ERROR);
  assert_string_equal(e->event.name, "503");
  assert_string_equal(e->event.reason, "again");
  assert_int_equal(read_text(e, "{\"finished\":true}"), CAL_WIRE_OTHER);
  peer_free(e);
}

static void what_is_too_much_to_be_words_is_malformed(void **state) {
  peer *e = peer_new(ear_spec());
  static char text[CAL_WIRE_WORDS_BYTES + 100];
  sprintf(text, "{\"type\":\"words\",\"transcript\":\"%0*d\"}", CAL_WIRE_WORDS_BYTES - 1, 0);
  assert_int_equal(read_text(e, text), CAL_WIRE_TOLD);
  sprintf(text, "{\"type\":\"words\",\"transcript\":\"%0*d\"}", CAL_WIRE_WORDS_BYTES, 0);
  assert_int_equal(read_text(e, text), CAL_WIRE_MALFORMED);
  peer_free(e);
  e = peer_new(token_spec());
  static char tokens[CAL_WIRE_WORDS_BYTES * 8];
  size_t used = (size_t)sprintf(tokens, "{\"tokens\":[{\"text\":\"a\"}");
  for (int i = 0; i < CAL_WIRE_WORDS; i++)
    used += (size_t)sprintf(tokens + used, ",{\"text\":\"<end>\"},{\"text\":\"a\"}");
  sprintf(tokens + used, "]}");
  assert_int_equal(read_text(e, tokens), CAL_WIRE_MALFORMED);
  used = (size_t)sprintf(tokens, "{\"tokens\":[{\"text\":\"a\"}");
  for (int i = 0; i < CAL_WIRE_WORDS_BYTES / 4; i++)
    used += (size_t)sprintf(tokens + used, ",{\"text\":\"abcd\"}");
  sprintf(tokens + used, "]}");
  assert_int_equal(read_text(e, tokens), CAL_WIRE_MALFORMED);
  peer_free(e);
}

static void an_ear_is_declared_whole(void **state) {
  static const struct {
    const char *part, *error;
  } cases[] = {{"event", "words.event without words.text"},
               {"final", "words.final has a text and no path"},
               {"list", "words.list.from without words.list.at"},
               {"spellings", "words.text: more than 4 spellings"},
               {"path", "words.turn: "}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cal_wire_spec s = ear_spec();
    cal_wire *wire;
    if (i == 0) s.words.text = NULL;
    if (i == 1) s.words.kinds[CAL_WORDS_FINAL].path = NULL;
    if (i == 2) s.words.list.from = "start";
    if (i == 3) s.words.text = "a|b|c|d|e";
    if (i == 4) s.words.turn = "a..b";
    assert_int_equal(cal_wire_compile(&wire, &s), -EINVAL);
    if (!strstr(cal_error_text(), cases[i].error)) fail_msg("%s: %s", cases[i].part, cal_error_text());
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_are_partial_until_they_are_final_and_have_their_times),
      cmocka_unit_test(each_kind_of_words_has_its_sign),
      cmocka_unit_test(a_list_of_words_has_the_times),
      cmocka_unit_test(a_list_of_tokens_is_pieces_ends_and_what_may_change),
      cmocka_unit_test(what_is_too_much_to_be_words_is_malformed),
      cmocka_unit_test(an_ear_is_declared_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
