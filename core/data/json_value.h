/* json_value: a packed value (base/value.h) as JSON. Any thread. */
#ifndef CAL_DATA_JSON_VALUE_H
#define CAL_DATA_JSON_VALUE_H

#include "base/value.h"

/* Appends it. Keys that are numbers become texts; numbers that JSON does not know become null. */
void cal_json_value(cal_buf *into, const cal_value *value);

/* Appends the members of a table, each with a comma before it, but for the one named `except`. A value that is not a table
 * is the member "value"; null gives nothing. */
void cal_json_members(cal_buf *into, const cal_value *value, const char *except);

#endif
