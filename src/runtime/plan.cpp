#include "runtime/plan.h"

namespace tempera::runtime {

std::string_view name(Stage stage) {
  constexpr std::array<std::string_view, kStageCount> kNames = {"setup", "picture", "prompt",
                                                                "step"};
  return kNames[static_cast<size_t>(stage)];
}

int64_t bytes_of(const PlanTensor& tensor) {
  return element_count(tensor.shape) * size_in_bytes(tensor.dtype);
}

}  // namespace tempera::runtime
