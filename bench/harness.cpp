#include "bench/harness.h"

#include <time.h>

#include <algorithm>
#include <random>

#include "backend/cpu/codegen/compile.h"
#include "backend/cpu/codegen/legalize.h"
#include "backend/cpu/codegen/link.h"
#include "backend/cpu/device/cpu_device.h"
#include "kernel/passes/pipeline.h"

namespace tempera::bench {
namespace {

double clock_seconds(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

Tensor random_tensor(DType dtype, const Shape& shape) {
  Tensor tensor(dtype, shape);
  std::mt19937 random(1);
  std::uniform_real_distribution<float> distribution(-0.5F, 0.5F);
  if (dtype == DType::f32)
    for (float& x : tensor.as<float>()) x = distribution(random);
  if (dtype == DType::f16)
    for (uint16_t& x : tensor.as<uint16_t>()) x = f32_to_f16(distribution(random));
  return tensor;
}

Result<std::string> compile(const std::vector<lower::LoweredKernel>& kernels,
                            const Target& target) {
  std::vector<cpu::Source> sources;
  for (const lower::LoweredKernel& k : kernels) sources.push_back({&k.kernel, k.may_alias});
  ASSIGN_OR_RETURN(const std::vector<cpu::Object> objects,
                   cpu::compile_kernels(sources, target, 2));
  std::vector<std::string> bytes;
  for (const cpu::Object& object : objects) bytes.push_back(object.bytes);
  return cpu::link_shared(bytes, target);
}

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

Result<std::unique_ptr<Runner>> Runner::create(const graph::Graph& graph, const Target& target,
                                               const lower::Choose& choose, int threads) {
  auto runner = std::make_unique<Runner>();
  ASSIGN_OR_RETURN(const graph::Fused fused, graph::run_passes(graph, lower::fuse_rules()));
  ASSIGN_OR_RETURN(lower::Lowered lowered,
                   lower::lower(fused, target, {.component = "bench", .choose = choose}));
  for (size_t k = 0; k < lowered.kernels.size(); ++k)
    lowered.plan.kernels[k].scratch_bytes = cpu::scratch_bytes(lowered.kernels[k].kernel);
  ASSIGN_OR_RETURN(runner->code_, compile(lowered.kernels, target));
  ASSIGN_OR_RETURN(runner->device_, cpu::create_device(threads));
  ASSIGN_OR_RETURN(runner->module_, runner->device_->load_module({"", as_bytes(runner->code_)}));
  for (const runtime::PlanTensor& weight : lowered.plan.weights)
    runner->store_.add(weight.name, stored(random_tensor(weight.dtype, weight.shape)));
  ASSIGN_OR_RETURN(runner->executor_, runtime::Executor::create(*runner->device_, *runner->module_,
                                                                lowered.plan, runner->store_));
  for (size_t i = 0; i < lowered.plan.inputs.size(); ++i) {
    const Tensor tensor = random_tensor(lowered.plan.inputs[i].dtype, lowered.plan.inputs[i].shape);
    TRY(runner->executor_->set_input(static_cast<int>(i), tensor.data));
  }
  TRY(runner->executor_->run(runtime::Stage::step));
  return runner;
}

Result<double> Runner::fastest(int runs) {
  const clockid_t clock = device_->thread_count() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
  double best = 1e30;
  for (int i = 0; i < runs; ++i) {
    const double start = clock_seconds(clock);
    TRY(executor_->run(runtime::Stage::step));
    best = std::min(best, clock_seconds(clock) - start);
  }
  return best;
}

}  // namespace tempera::bench
