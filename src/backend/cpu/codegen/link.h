#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/target.h"

namespace tempera::cpu {

// An artifact's code. The device refuses it on a host that lacks one of the features, before it
// opens the library.
struct CodeObject {
  std::string triple;
  std::string cpu;
  std::vector<std::string> required_features;  // LLVM's names; see required_features() in host.h
  std::string shared_library;                  // ELF, needs no other library
};

// One ELF shared library of the objects, which must define all that they use. The same objects give
// the same bytes. Safe to call on several threads; links run one after another.
Result<std::string> link_shared(std::span<const std::string> objects, const Target& target);

Result<CodeObject> make_code_object(std::span<const std::string> objects, const Target& target);

}  // namespace tempera::cpu
