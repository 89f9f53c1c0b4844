/* prefixes: the paths of media sockets that may come before their call (lobby.h), and how many are live on
 * each. Shared by all io threads: any thread. */
#ifndef CAL_IO_PREFIXES_H
#define CAL_IO_PREFIXES_H

#include <stdint.h>

#include "base/buf.h"
#include "base/holders.h"
#include "wire/wire.h"

#define CAL_PREFIXES 64
#define CAL_PREFIX_UNPROVEN 256 /* sockets of a path at a time of which nobody has said who they are */

typedef struct cal_prefixes cal_prefixes;
typedef struct cal_prefix cal_prefix;

typedef struct cal_prefix_about {
  uint32_t most;            /* sockets at a time: held, and as legs */
  uint32_t first;           /* text messages that are waited for before anybody is asked; 0: none */
  const char *lines;        /* borrowed: the set of holders.h that has to have room; NULL: none has to */
  uint32_t lines_most;      /* of them */
  const char *sub_protocol; /* borrowed: named in the upgrade, where the other side offers it; NULL: none */
} cal_prefix_about;

/* What is waited for on a socket that has entered. */
typedef struct cal_prefix_place {
  uint32_t first;
  char sub_protocol[CAL_WIRE_SUB_PROTOCOL_BYTES]; /* "": none */
} cal_prefix_place;

/* Borrows the holders. Returns owned. */
cal_prefixes *cal_prefixes_new(cal_holders *holders);
cal_prefixes *cal_prefixes_free(cal_prefixes *prefixes);
/* Sockets whose path begins with `path` may come first. Said again it replaces; it is never taken back, because
 * code of an earlier generation may still want it. -ENOBUFS over CAL_PREFIXES, -EINVAL. */
int cal_prefixes_declare(cal_prefixes *prefixes, const char *path, const cal_prefix_about *about);

/* Counts one more socket on the longest prefix that fits, and tells its place. It is unproven, so it takes none of the
 * places of those that are. NULL with code -ENOENT: no prefix fits; -EBUSY: as many are live, or unproven, as may be,
 * or all lines are held. The prefix is borrowed until it is left. */
cal_prefix *cal_prefixes_enter(cal_prefixes *prefixes, cal_span path, uint64_t now_ns,
                               cal_prefix_place *place, int *code);
/* An unproven socket is who it should be, and takes a place. -EBUSY: there is none; it stays unproven. */
int cal_prefix_prove(cal_prefixes *prefixes, cal_prefix *prefix, uint64_t now_ns);
void cal_prefix_leave(cal_prefix *prefix, int is_proven);
const char *cal_prefix_path(const cal_prefix *prefix); /* borrowed; lives as long as the prefixes */

#endif
