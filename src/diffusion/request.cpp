#include "diffusion/request.h"

#include <cmath>

namespace tempera::diffusion {

std::vector<CallKind> call_kinds(const PictureRequest& request, int64_t calls) {
  const WorkSaving& saving = request.saving;
  const auto at = [&](double part) { return std::llround(part * static_cast<double>(calls)); };
  const int64_t begin = at(saving.guidance_from), end = at(saving.guidance_to);
  std::vector<CallKind> kinds;
  for (int64_t call = 0, reused = 0; call < calls; ++call) {
    const bool guided = is_guided(request) && call >= begin && call < end;
    const bool is_first = kinds.empty() || kinds.back().guided != guided;
    reused = is_first ? 0 : (reused + 1) % saving.deep_cache;
    kinds.push_back({guided, reused != 0});
  }
  return kinds;
}

int64_t model_batch(const PictureRequest& request) {
  return static_cast<int64_t>(request.seeds.size()) * (is_guided(request) ? 2 : 1);
}

}  // namespace tempera::diffusion
