/* registry: which script thread owns a call, by our id or by the carrier's. A webhook may arrive on any
 * thread. Any thread. */
#ifndef CAL_SCRIPT_REGISTRY_H
#define CAL_SCRIPT_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#include "base/slots.h"

typedef struct cal_registry cal_registry;

/* Where a call lives. */
typedef struct cal_owner {
  uint8_t script; /* index of its thread */
  cal_id handle;  /* of the call there */
  char call[64];  /* our id */
} cal_owner;

cal_registry *cal_registry_new(void);
cal_registry *cal_registry_free(cal_registry *registry);
/* `name` leads to this call; both are copied. -EEXIST when the name is taken already. */
int cal_registry_add(cal_registry *registry, const char *name, const cal_owner *owner);
void cal_registry_remove(cal_registry *registry, const char *name); /* harmless twice */
/* 1: `owner` is filled in; 0: no live call has this name. */
int cal_registry_find(cal_registry *registry, const char *name, cal_owner *owner);
uint32_t cal_registry_count(cal_registry *registry); /* names */

#endif
