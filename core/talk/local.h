/* local: the voice and the ear in this process, over the speech plane (speech/speech.h). Any thread; they live as long
 * as the plane, and their callbacks come from its workers. */
#ifndef CAL_TALK_LOCAL_H
#define CAL_TALK_LOCAL_H

#include "speech/speech.h"
#include "talk/ear.h"
#include "talk/voice.h"

cal_talk_voice cal_local_voice(cal_speech *speech); /* borrows */
cal_talk_ear cal_local_ear(cal_speech *speech);     /* borrows */

#endif
