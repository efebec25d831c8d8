#include "kernel/passes/pipeline.h"

#include "kernel/passes/unroll.h"
#include "kernel/simplify.h"
#include "kernel/verify.h"

namespace tempera::kernel {
namespace {

constexpr Pass kPasses[] = {
    // Loop counters become constants first: simplify then sees what each copy does.
    {"unroll", unroll},
    {"simplify", simplify},
};

Status verified(const Kernel& kernel, Stage stage, std::string_view when) {
  const Status status = verify(kernel, stage);
  if (status.ok()) return {};
  return error(status.error().code, "{} ({})", status.error().message, when);
}

}  // namespace

std::span<const Pass> passes() { return kPasses; }

Result<Kernel> run_passes(Kernel kernel, const PipelineOptions& options) {
  if (options.verify) TRY(verified(kernel, Stage::scheduled, "before the first pass"));
  for (const Pass& pass : kPasses) {
    kernel = pass.run(std::move(kernel));
    if (options.after_pass) options.after_pass(pass, kernel);
    const Stage stage = pass.name == "simplify" ? Stage::simplified : Stage::scheduled;
    if (options.verify) TRY(verified(kernel, stage, fmt::format("after {}", pass.name)));
  }
  return kernel;
}

}  // namespace tempera::kernel
