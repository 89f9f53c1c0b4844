#include "data/spellout_rules.h"

#include <stddef.h>
#include <string.h>

/* Hundreds, thousands, lakh and crore have a form with something behind them and one without: "%%rest". */
static const char telugu[] =
    "%spellout-numbering:"
    "-x: మైనస్ >>; x.x: << పాయింట్ >>;"
    "0: సున్నా; ఒకటి; రెండు; మూడు; నాలుగు; ఐదు; ఆరు; ఏడు; ఎనిమిది; తొమ్మిది;"
    "10: పది; పదకొండు; పన్నెండు; పదమూడు; పద్నాలుగు; పదిహేను; పదహారు; పదిహేడు; పద్దెనిమిది; పందొమ్మిది;"
    "20: ఇరవై[ >>]; 30: ముప్పై[ >>]; 40: నలభై[ >>]; 50: యాభై[ >>];"
    "60: అరవై[ >>]; 70: డెబ్బై[ >>]; 80: ఎనభై[ >>]; 90: తొంభై[ >>];"
    "100: వంద; 101: నూట >>; 200: << వంద>%%rest>;"
    "1000: వెయ్యి[ >>]; 2000: << వే>%%rest>;"
    "100000: లక్ష[ >>]; 200000: << లక్ష>%%rest>;"
    "10000000: కోటి[ >>]; 20000000: << కోట్>%%rest>;\n"
    "%%rest: 0: లు; 1: ల =%spellout-numbering=;\n"
    "%spellout-ordinal:"
    "0: సున్నా; మొదటి; రెండవ; మూడవ; నాలుగవ; ఐదవ; ఆరవ; ఏడవ; ఎనిమిదవ; తొమ్మిదవ;"
    "10: పదవ; పదకొండవ; పన్నెండవ; పదమూడవ; పద్నాలుగవ; పదిహేనవ; పదహారవ; పదిహేడవ; పద్దెనిమిదవ; పందొమ్మిదవ;"
    "20: ఇరవయ్యవ; 21: ఇరవై >%%after-ten>; 30: ముప్పయ్యవ; 31: ముప్పై >%%after-ten>; 40: =%spellout-numbering=వ;\n"
    "%%after-ten: 0: వ; 1: ఒకటవ; 2: =%spellout-ordinal=;\n";

static const struct { const char *language, *rules; } all[] = {{"te", telugu}};

const char *cal_spellout_rules(const char *language) {
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (!strcmp(all[i].language, language)) return all[i].rules;
  return NULL;
}
