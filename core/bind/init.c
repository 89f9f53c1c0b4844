#include "bind/init.h"

#include "vm/vm.h"

void cal_bind_open(lua_State *L) {
  static const struct {
    const char *name;
    lua_CFunction open;
  } libraries[] = {{"callisto.core", cal_lib_core},     {"callisto.json", cal_lib_json},
                   {"callisto.xml", cal_lib_xml},       {"callisto.crypto", cal_lib_crypto},
                   {"callisto.log", cal_lib_log},       {"callisto.metrics", cal_lib_metrics},
                   {"callisto.shared", cal_lib_shared}, {"callisto.zone", cal_lib_zone},
                   {"callisto.locale", cal_lib_locale}};
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
    cal_vm_provide(L, libraries[i].name, libraries[i].open);
}
