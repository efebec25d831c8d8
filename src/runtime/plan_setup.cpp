#include "runtime/plan_setup.h"

#include <algorithm>

namespace tempera::runtime {
namespace {

constexpr auto kSetup = static_cast<size_t>(Stage::setup);
}  // namespace

std::vector<bool> kept_packed(const Plan& plan) {
  std::vector<bool> kept(plan.packed.size());
  for (size_t stage = kSetup + 1; stage < kStageCount; ++stage)
    for (const PlanLaunch& launch : plan.launches[stage])
      for (const Binding& binding : launch.bindings)
        if (binding.region == Region::packed) kept[binding.index] = true;
  return kept;
}

std::vector<size_t> needed_setup(const Plan& plan, const std::vector<bool>& ready) {
  std::vector<bool> missing = kept_packed(plan);
  for (size_t i = 0; i < missing.size(); ++i) missing[i] = missing[i] && !ready[i];
  const auto makes_missing = [&](const PlanLaunch& launch) {
    return std::ranges::any_of(plan.kernels[launch.kernel].writes, [&](int32_t parameter) {
      const Binding& binding = launch.bindings[parameter];
      return binding.region == Region::packed ? missing[binding.index]
                                              : binding.region == Region::output;
    });
  };
  std::vector<size_t> needed;
  for (size_t l = plan.launches[kSetup].size(); l-- > 0;) {
    const PlanLaunch& launch = plan.launches[kSetup][l];
    if (!makes_missing(launch)) continue;
    needed.push_back(l);
    for (const Binding& binding : launch.bindings)
      if (binding.region == Region::packed) missing[binding.index] = !ready[binding.index];
  }
  std::ranges::reverse(needed);
  return needed;
}

std::vector<bool> weights_after_packing(const Plan& plan) {
  std::vector<bool> is_read(plan.weights.size());
  const auto note = [&](const PlanLaunch& launch) {
    for (const Binding& binding : launch.bindings)
      if (binding.region == Region::weight) is_read[binding.index] = true;
  };
  for (const size_t l : needed_setup(plan, kept_packed(plan))) note(plan.launches[kSetup][l]);
  for (size_t stage = kSetup + 1; stage < kStageCount; ++stage)
    for (const PlanLaunch& launch : plan.launches[stage]) note(launch);
  return is_read;
}

int64_t transient_setup_bytes(const Plan& plan) {
  const std::vector<PlanLaunch>& launches = plan.launches[kSetup];
  const std::vector<bool> kept = kept_packed(plan);
  std::vector<size_t> last(plan.packed.size());
  for (size_t l = 0; l < launches.size(); ++l)
    for (const Binding& binding : launches[l].bindings)
      if (binding.region == Region::packed) last[binding.index] = l;
  std::vector<bool> is_live(plan.packed.size());
  int64_t live = 0, most = 0;
  for (size_t l = 0; l < launches.size(); ++l) {
    int64_t stored = 0, released = 0;
    for (const Binding& binding : launches[l].bindings) {
      if (binding.region == Region::weight) stored += bytes_of(plan.weights[binding.index]);
      if (binding.region != Region::packed || kept[binding.index]) continue;
      const int64_t bytes = plan.packed[binding.index].bytes;
      if (!is_live[binding.index]) live += bytes;
      is_live[binding.index] = true;
      if (last[binding.index] == l) released += bytes;
    }
    most = std::max(most, live + stored);
    live -= released;
  }
  return most;
}

}  // namespace tempera::runtime
