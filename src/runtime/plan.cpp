#include "runtime/plan.h"

namespace tempera::runtime {

std::string_view name(Stage stage) {
  constexpr std::array<std::string_view, kStageCount> kNames = {"setup", "picture", "prompt",
                                                                "step"};
  return kNames[static_cast<size_t>(stage)];
}

}  // namespace tempera::runtime
