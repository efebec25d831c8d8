#include "api/run/memory.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/file.h"
#include "runtime/plan_setup.h"

namespace tempera::api {
namespace {

// Adds the stored weights that later stages read, by name.
void add_weights_read_later(const runtime::Plan& plan, std::map<std::string, int64_t>& sizes) {
  const std::vector<bool> is_read = runtime::weights_after_packing(plan);
  for (size_t i = 0; i < is_read.size(); ++i)
    if (is_read[i]) sizes["stored " + plan.weights[i].name] = bytes_of(plan.weights[i]);
}

// All but the weights that stay.
void add(const runtime::Plan& plan, int threads, ComponentMemory& memory) {
  memory.arena += plan.arena_bytes;
  memory.live += plan.live_bytes;
  memory.state += plan.state_bytes;
  for (const auto* tensors : {&plan.inputs, &plan.outputs})
    for (const runtime::PlanTensor& tensor : *tensors) memory.boundary += bytes_of(tensor);
  for (const runtime::PlanConstant& constant : plan.constants)
    memory.boundary += element_count(constant.shape) * size_in_bytes(constant.dtype);
  for (const runtime::PlanKernel& kernel : plan.kernels)
    memory.scratch = std::max(memory.scratch, kernel.scratch_bytes * threads);
  memory.transient = std::max(memory.transient, runtime::transient_setup_bytes(plan));
}

// The number of kibibytes in the line "NAME:   123 kB".
int64_t status_line(std::string_view name) {
  const Result<std::string> text = read_file("/proc/self/status", 1 << 20);
  if (!text.ok()) return 0;
  const size_t at = text->find(name);
  if (at == std::string::npos) return 0;
  return std::strtoll(text->c_str() + at + name.size(), nullptr, 10) * 1024;
}

}  // namespace

ComponentMemory memory_of(std::span<const runtime::Plan* const> plans, int threads) {
  ComponentMemory memory{.component = plans.front()->component};
  std::map<std::string, int64_t> weights;
  for (const runtime::Plan* plan : plans) {
    add(*plan, threads, memory);
    add_weights_read_later(*plan, weights);
    const std::vector<bool> kept = runtime::kept_packed(*plan);
    for (size_t i = 0; i < kept.size(); ++i)
      if (kept[i]) weights["packed " + plan->packed[i].key] = plan->packed[i].bytes;
  }
  for (const auto& [name, bytes] : weights) memory.weights += bytes;
  return memory;
}

ComponentMemory memory_of(const runtime::Plan& plan, int threads) {
  const runtime::Plan* const one[] = {&plan};
  return memory_of(one, threads);
}

// The arena is touched after the last weight is packed, so that only one of arena and transient
// counts.
int64_t predict_peak(std::span<const ComponentMemory> components, int64_t resident,
                     bool frees_unet) {
  CHECK(components.size() >= 2, "{} components for a picture", components.size());
  int64_t peak = 0;
  for (const ComponentMemory& memory : components)
    peak = std::max({peak, memory.loaded(), memory.weights + memory.transient});
  const ComponentMemory& unet = components[components.size() - 2];
  const ComponentMemory& decoder = components.back();
  if (!frees_unet)
    peak = std::max(
        peak, unet.loaded() + std::max(decoder.loaded(), decoder.weights + decoder.transient));
  return resident + peak;
}

int64_t resident_bytes() { return status_line("VmRSS:"); }
int64_t peak_resident_bytes() { return status_line("VmHWM:"); }

Json to_json(const ComponentMemory& memory) {
  return {{"component", memory.component}, {"weights", memory.weights},
          {"arena", memory.arena},         {"live", memory.live},
          {"state", memory.state},         {"boundary", memory.boundary},
          {"scratch", memory.scratch},     {"loaded", memory.loaded()}};
}

}  // namespace tempera::api
