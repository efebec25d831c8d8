#include "backend/interpreter/codegen/module_text.h"

#include <set>

#include "base/check.h"
#include "kernel/print.h"

namespace tempera::interpreter {

std::string module_text(std::span<const kernel::Kernel> kernels) {
  std::set<std::string_view> names;
  std::string text;
  for (const kernel::Kernel& kernel : kernels) {
    CHECK(names.insert(kernel.name).second, "two kernels named {}", kernel.name);
    text += to_string(kernel);
    if (!text.ends_with('\n')) text += '\n';
  }
  return text;
}

}  // namespace tempera::interpreter
