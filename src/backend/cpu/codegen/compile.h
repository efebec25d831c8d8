#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/target.h"
#include "kernel/kernel.h"

namespace tempera::cpu {

// One kernel to compile. may_alias: a launch may bind a written parameter to another's memory.
struct Source {
  const kernel::Kernel* kernel = nullptr;
  bool may_alias = false;
};

// A relocatable ELF object with one global symbol, the kernel's name:
//   void name(void* const* buffers, void* scratch, int64_t begin, int64_t end)
// Depends on the kernel and the target only, so it can be kept on disk by their keys. Safe to call
// on several threads at once.
struct Object {
  std::string bytes;
  double seconds = 0;  // that it took
};
Result<Object> compile_kernel(const Source& source, const Target& target);

// One object a source, in order, compiled on `threads` threads; the first error, if any.
Result<std::vector<Object>> compile_kernels(std::span<const Source> sources, const Target& target,
                                            int threads);

// For people and tests: the optimised LLVM IR and the assembly of what compile_kernel() makes.
Result<std::string> print_llvm_ir(const Source& source, const Target& target);
Result<std::string> print_assembly(const Source& source, const Target& target);

}  // namespace tempera::cpu
