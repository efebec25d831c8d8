#include "diffusion/request.h"

#include <cmath>

#include "diffusion/prompt/prompt_parts.h"

namespace tempera::diffusion {

bool is_guided(const PictureRequest& request) {
  return request.guidance_scale > 1.0 || (request.prompts.language == PromptLanguage::a1111 &&
                                          split_prompt(request.prompt).size() > 1);
}

std::vector<CallKind> call_kinds(const PictureRequest& request, int64_t calls) {
  const WorkSaving& saving = request.saving;
  const auto at = [&](double part) { return std::llround(part * static_cast<double>(calls)); };
  const int64_t begin = at(saving.guidance_from), end = at(saving.guidance_to);
  const bool is_any_guided = is_guided(request);
  std::vector<CallKind> kinds;
  for (int64_t call = 0, reused = 0; call < calls; ++call) {
    const bool guided = is_any_guided && call >= begin && call < end;
    const bool is_first = kinds.empty() || kinds.back().guided != guided;
    reused = is_first ? 0 : (reused + 1) % saving.deep_cache;
    kinds.push_back({guided, reused != 0});
  }
  return kinds;
}

}  // namespace tempera::diffusion
