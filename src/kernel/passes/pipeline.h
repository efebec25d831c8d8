#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "base/status.h"
#include "kernel/kernel.h"

namespace tempera::kernel {

struct Pass {
  std::string_view name;
  Kernel (*run)(Kernel);
};

// All passes that a kernel goes through between its schedule and a code generator, in order.
std::span<const Pass> passes();

struct PipelineOptions {
  // Called after each pass, with the kernel as it then is.
  std::function<void(const Pass&, const Kernel&)> after_pass;
  // Verifies the kernel before the first pass and after each.
  bool verify =
#ifdef TEMPERA_VERIFY
      true;
#else
      false;
#endif
};

// Runs all passes. An error is one of verify()'s, naming the pass it was found after.
Result<Kernel> run_passes(Kernel kernel, const PipelineOptions& options = {});

}  // namespace tempera::kernel
