/* registry: which script thread owns a call, by our id or by the carrier's. A webhook may arrive on any
 * thread. Any thread. */
#ifndef CAL_SCRIPT_REGISTRY_H
#define CAL_SCRIPT_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#include "base/slots.h"

typedef struct cal_registry cal_registry;

cal_registry *cal_registry_new(void);
cal_registry *cal_registry_free(cal_registry *registry);
/* `name` leads to `call` on this script thread; both are copied. -EEXIST when the name is taken already. */
int cal_registry_add(cal_registry *registry, const char *name, const char *call, uint8_t script,
                     cal_id handle);
void cal_registry_remove(cal_registry *registry, const char *name); /* harmless twice */
/* The script thread (0: nobody); through `call` and `handle` (either may be NULL) our id and the call's
 * handle there. */
uint8_t cal_registry_find(cal_registry *registry, const char *name, char *call, size_t room, cal_id *handle);
uint32_t cal_registry_count(cal_registry *registry); /* names */

#endif
