#include "talk/local.h"

static int say(void *self, const cal_saying *saying, cal_on_clip on_clip, void *context) {
  cal_voice_options options = {.voice = saying->voice, .rate_hz = saying->rate_hz};
  return cal_speech_say(self, NULL, saying->who, saying->text, &options, on_clip, context);
}

static int play(void *self, uint64_t who, const char *path, uint32_t rate_hz, cal_on_clip on_clip,
                void *context) {
  return cal_speech_play_file(self, NULL, who, path, rate_hz, on_clip, context);
}

cal_talk_voice cal_local_voice(cal_speech *speech) {
  static const cal_voice_ops ops = {.say = say, .play = play};
  return (cal_talk_voice){&ops, speech};
}

static int expect(void *self, cal_grammar **result, const cal_grammar_options *options) {
  const cal_dict *dict;
  int code = cal_speech_dict(self, &dict);
  return code ? code : cal_grammar_new(result, dict, options);
}

static int hears_free_text(void *self) { return cal_speech_hears_free_text(self); }

static int hear(void *self, cal_clip *piece, cal_grammar *grammar, cal_on_heard on_heard, void *context) {
  return cal_speech_hear(self, NULL, piece, grammar, on_heard, context);
}

cal_talk_ear cal_local_ear(cal_speech *speech) {
  static const cal_ear_ops ops = {.expect = expect, .hears_free_text = hears_free_text, .hear = hear};
  return (cal_talk_ear){&ops, speech};
}
