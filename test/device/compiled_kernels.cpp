#include "test/device/compiled_kernels.h"

#include "backend/cpu/codegen/compile.h"
#include "base/file.h"
#include "kernel/parse.h"

namespace tempera {
namespace {

std::vector<kernel::Kernel> kernels_of_text(std::string_view text) {
  std::vector<kernel::Kernel> kernels;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find("\nkernel ", 1));
    kernels.push_back(std::move(kernel::parse_kernel(one)).value());
    text.remove_prefix(one.size());
  }
  return kernels;
}

}  // namespace

cpu::CodeObject compile_kernels_text() {
  const std::string text = *read_file(TEMPERA_SOURCE_DIR "/test/device/kernels.txt");
  const std::vector<kernel::Kernel> kernels = kernels_of_text(text);
  const Target target = cpu::host_target();
  std::vector<std::string> objects;
  // The suite binds `add` in place.
  for (const kernel::Kernel& kernel : kernels)
    objects.push_back(std::move(cpu::compile_kernel({&kernel, true}, target)).value().bytes);
  return std::move(cpu::make_code_object(objects, target)).value();
}

}  // namespace tempera
