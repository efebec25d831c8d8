#include "diffusion/hires.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "diffusion/request.h"

namespace tempera::diffusion {
namespace {

// Where a place of the result lies between two of the source.
struct Between {
  int64_t low, high;
  float part;  // of the high one
};

std::vector<Between> places(int64_t from, int64_t to) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  std::vector<Between> result;
  for (int64_t i = 0; i < to; ++i) {
    const float at = std::max(scale * (static_cast<float>(i) + 0.5f) - 0.5f, 0.0f);
    const auto low = static_cast<int64_t>(at);
    result.push_back({low, std::min(low + 1, from - 1), at - static_cast<float>(low)});
  }
  return result;
}

// How many steps a plan needs so that `strength` leaves `kept` of them.
int64_t steps_of_whole_plan(int64_t kept, double strength) {
  auto steps = static_cast<int64_t>(std::ceil(static_cast<double>(kept) / strength));
  while (static_cast<int64_t>(static_cast<double>(steps) * strength) < kept) ++steps;
  return steps;
}

}  // namespace

Result<Upscaler> parse_upscaler(std::string_view name) {
  if (name == "latent") return Upscaler::latent;
  if (name == "lanczos") return Upscaler::lanczos;
  return error(ErrorCode::invalid_argument, "--hires-upscaler {} is not latent or lanczos",
               quote(name));
}

std::string_view name(Upscaler upscaler) {
  return upscaler == Upscaler::latent ? "latent" : "lanczos";
}

Status check(const HiresInput& hires) {
  if (!is_given(hires)) return {};
  if (!(hires.scale > 1 && hires.scale <= 8))
    return error(ErrorCode::invalid_argument, "--hires {} is not above 1 and up to 8", hires.scale);
  if (!(hires.strength > 0 && hires.strength <= 1))
    return error(ErrorCode::invalid_argument, "--hires-strength {} is not above 0 and up to 1",
                 hires.strength);
  if (hires.steps < 0 || hires.steps > 10000)
    return error(ErrorCode::invalid_argument, "--hires-steps {} is not within 0 to 10000",
                 hires.steps);
  return {};
}

Size hires_size(const PictureRequest& request, int64_t vae_scale) {
  const auto side = [&](int64_t pixels) {
    const double latents =
        static_cast<double>(pixels) * request.hires.scale / static_cast<double>(vae_scale);
    return std::llround(latents) * vae_scale;
  };
  return {side(request.width), side(request.height)};
}

PictureRequest first_pass(const PictureRequest& request) {
  PictureRequest first = request;
  first.hires = {};
  first.decodes = request.hires.upscaler != Upscaler::latent;
  return first;
}

PictureRequest second_pass(const PictureRequest& request, int64_t vae_scale) {
  PictureRequest second = request;
  const Size size = hires_size(request, vae_scale);
  second.width = size.width;
  second.height = size.height;
  second.hires = {};
  second.init = {.images = {}, .latents = {}, .strength = request.hires.strength};
  second.initial_latents.clear();
  second.prompts.steps_before = request.sampler.steps;
  const int64_t kept = request.hires.steps > 0 ? request.hires.steps : request.sampler.steps;
  second.init.exact_steps = request.sampler.compat == Compat::a1111;
  second.sampler.steps =
      second.init.exact_steps ? kept : steps_of_whole_plan(kept, request.hires.strength);
  return second;
}

std::vector<float> upscale_latents(std::span<const float> planes, Size from, Size to) {
  const std::vector<Between> rows = places(from.height, to.height);
  const std::vector<Between> columns = places(from.width, to.width);
  const auto area = static_cast<size_t>(from.width * from.height);
  std::vector<float> result;
  for (size_t plane = 0; plane < planes.size() / area; ++plane)
    for (const Between& y : rows)
      for (const Between& x : columns) {
        const float* low = &planes[plane * area + y.low * from.width];
        const float* high = &planes[plane * area + y.high * from.width];
        const auto across = [&](const float* row) {
          return (1 - x.part) * row[x.low] + x.part * row[x.high];
        };
        result.push_back((1 - y.part) * across(low) + y.part * across(high));
      }
  return result;
}

}  // namespace tempera::diffusion
