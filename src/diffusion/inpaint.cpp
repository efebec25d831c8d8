#include "diffusion/inpaint.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace tempera::diffusion {

namespace {

constexpr std::string_view kFills[] = {"original", "noise", "zero", "blur"};

}  // namespace

std::string_view name(MaskFill fill) { return kFills[static_cast<size_t>(fill)]; }

Result<MaskFill> parse_mask_fill(std::string_view name) {
  const auto* found = std::ranges::find(kFills, name);
  if (found != std::end(kFills)) return static_cast<MaskFill>(found - kFills);
  return error(ErrorCode::invalid_argument,
               "--mask-fill {} is none of original, noise, zero and blur", quote(name));
}

std::vector<float> latent_mask(const MaskInput& mask, int64_t width, int64_t height,
                               int64_t scale) {
  std::vector<float> result;
  for (int64_t y = 0; y < height; y += scale)
    for (int64_t x = 0; x < width; x += scale)
      result.push_back(mask.repaint.empty() || mask.repaint[y * width + x] != 0 ? 1.0f : 0.0f);
  return result;
}

void erase_repainted(const MaskInput& mask, std::span<float> planes) {
  if (mask.repaint.empty()) {
    std::ranges::fill(planes, 0.0f);
    return;
  }
  for (size_t i = 0; i < planes.size(); ++i)
    if (mask.repaint[i % mask.repaint.size()] != 0) planes[i] = 0.0f;
}

void blend(std::span<const float> mask, std::span<const float> from, std::span<float> to) {
  CHECK(to.size() == from.size() && to.size() % mask.size() == 0, "{} values for {}", to.size(),
        mask.size());
  for (size_t i = 0; i < to.size(); ++i) {
    const float part = mask[i % mask.size()];
    to[i] = (1.0f - part) * from[i] + part * to[i];
  }
}

}  // namespace tempera::diffusion
