#include "script/sayings.h"

#include <errno.h>

#include "base/error.h"

static void end_at(cal_sayings *sayings, int at) {
  sayings->letters -= sayings->of[at].letters;
  sayings->of[at].party = 0;
}

int cal_sayings_begin(cal_sayings *sayings, uint8_t party, uint32_t utterance, uint32_t letters) {
  int at = 0;
  while (at < CAL_SAYINGS && sayings->of[at].party) at++;
  if (at == CAL_SAYINGS)
    return cal_fail(-EDQUOT, "%d sentences and sounds of this call wait to be heard already", CAL_SAYINGS);
  if (sayings->letters + letters > CAL_SAYINGS_LETTERS)
    return cal_fail(-EDQUOT,
                    "%u letters of this call wait to be heard already; with these there were more than %d",
                    sayings->letters, CAL_SAYINGS_LETTERS);
  sayings->of[at].party = party;
  sayings->of[at].utterance = utterance;
  sayings->of[at].letters = letters;
  sayings->letters += letters;
  return 0;
}

void cal_sayings_end(cal_sayings *sayings, uint8_t party, uint32_t utterance) {
  for (int i = 0; i < CAL_SAYINGS; i++) {
    if (sayings->of[i].party != party || sayings->of[i].utterance != utterance) continue;
    end_at(sayings, i);
    return;
  }
}

void cal_sayings_end_all(cal_sayings *sayings, uint8_t party) {
  for (int i = 0; i < CAL_SAYINGS; i++)
    if (sayings->of[i].party == party) end_at(sayings, i);
}
