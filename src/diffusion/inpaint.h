#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tempera::diffusion {

// What the part to repaint begins as, before noise: the image, noise, nothing, or the colours of
// what is around it.
enum class MaskFill : uint8_t { original, noise, zero, blur };
std::string_view name(MaskFill fill);
Result<MaskFill> parse_mask_fill(std::string_view name);

// Which part of the init image is repainted.
struct MaskInput {
  std::vector<uint8_t> repaint;  // [height, width], 1 is repainted, 0 kept; empty: all
  MaskFill fill = MaskFill::original;
  // How it was made, for the picture's settings: the deviation of its blur in pixels, and if only
  // the part around it is worked on, the pixels around it.
  double blur = 0;
  std::optional<int64_t> padding;
};

// The mask of a latent: each element that of its first pixel, as torch's nearest interpolation.
// f32 [height / scale, width / scale].
std::vector<float> latent_mask(const MaskInput& mask, int64_t width, int64_t height, int64_t scale);

// planes f32 [3, height, width] become 0, the middle grey, where they are repainted.
void erase_repainted(const MaskInput& mask, std::span<float> planes);

// to = mask * to + (1 - mask) * from, for planes of any number that the mask's size divides.
void blend(std::span<const float> mask, std::span<const float> from, std::span<float> to);

}  // namespace tempera::diffusion
