/* flite_setup: flite's global tables, built once.
 *
 * Registration of voices and of the lexicon is not thread-safe in flite 2.2; everything after it only reads
 * them. So they are made under one pthread_once and live as long as the process. Voices are shared by all
 * threads: what differs from one utterance to the next (speed) is set on the utterance, never on the voice.
 * Any thread. */
#ifndef CAL_SPEECH_FLITE_SETUP_H
#define CAL_SPEECH_FLITE_SETUP_H

#include <flite/flite.h>

cst_voice *
cal_flite_voice(const char *name);    /* "slt", "rms" or "kal"; NULL for others; borrowed, read-only */
cst_lexicon *cal_flite_lexicon(void); /* borrowed, read-only */

#endif
