/* spellout_rules: how numbers are spelled out in languages that ICU has no rules for. */
#ifndef CAL_DATA_SPELLOUT_RULES_H
#define CAL_DATA_SPELLOUT_RULES_H

/* Rules in ICU's notation (RuleBasedNumberFormat), UTF-8; NULL when there are none. `language` is such as "te".
 * Static. */
const char *cal_spellout_rules(const char *language);

#endif
