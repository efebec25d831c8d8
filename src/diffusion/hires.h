#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "diffusion/image/resize.h"

namespace tempera::diffusion {

struct PictureRequest;

enum class Upscaler : uint8_t { latent, lanczos };
Result<Upscaler> parse_upscaler(std::string_view name);
std::string_view name(Upscaler upscaler);

// A second pass over the finished picture, enlarged (A1111's "hires fix").
struct HiresInput {
  double scale = 1;   // of the sides; 1: no second pass
  int64_t steps = 0;  // that the second pass runs; 0: as many as the first
  double strength = 0.7;
  Upscaler upscaler = Upscaler::latent;
};

inline bool is_given(const HiresInput& hires) { return hires.scale != 1; }
// invalid_argument for a value out of range.
Status check(const HiresInput& hires);

// Of the second pass: the sides times scale, to the nearest multiple of `vae_scale`.
Size hires_size(const PictureRequest& request, int64_t vae_scale);

// What the first pass makes: latents, and pictures only if they are what is enlarged.
PictureRequest first_pass(const PictureRequest& request);
// All but init, which is the enlarged result of the first.
PictureRequest second_pass(const PictureRequest& request, int64_t vae_scale);

// Planes f32 of one size to another, as torch's interpolate: bilinear, corners not aligned, without
// smoothing.
std::vector<float> upscale_latents(std::span<const float> planes, Size from, Size to);

}  // namespace tempera::diffusion
