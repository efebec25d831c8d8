#include "runtime/plan.h"

#include <algorithm>

namespace tempera::runtime {

std::string_view name(Stage stage) {
  constexpr std::array<std::string_view, kStageCount> kNames = {"setup", "picture", "prompt",
                                                                "step"};
  return kNames[static_cast<size_t>(stage)];
}

std::vector<bool> weights_after_packing(const Plan& plan) {
  std::vector<bool> is_read(plan.weights.size());
  const auto writes_output = [](const PlanLaunch& launch) {
    return std::ranges::any_of(launch.bindings,
                               [](const Binding& b) { return b.region == Region::output; });
  };
  for (size_t stage = 0; stage < kStageCount; ++stage)
    for (const PlanLaunch& launch : plan.launches[stage]) {
      if (stage == static_cast<size_t>(Stage::setup) && !writes_output(launch)) continue;
      for (const Binding& binding : launch.bindings)
        if (binding.region == Region::weight) is_read[static_cast<size_t>(binding.index)] = true;
    }
  return is_read;
}

}  // namespace tempera::runtime
