#include "base/tile_permission.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace tempera {
namespace {

// Linux, Documentation/arch/x86/xstate.rst.
bool request() {
#if defined(__x86_64__) && defined(__linux__)
  constexpr long kRequestStatePermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;                    // XFEATURE_XTILEDATA
  return ::syscall(SYS_arch_prctl, kRequestStatePermission, kTileData) == 0;
#else
  return false;
#endif
}

}  // namespace

bool may_use_tiles() {
  static const bool granted = request();
  return granted;
}

}  // namespace tempera
