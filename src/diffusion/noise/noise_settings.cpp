#include "diffusion/noise/noise_settings.h"

#include "base/text.h"

namespace tempera::diffusion {

Result<Rng> parse_rng(std::string_view name) {
  if (name == "cpu") return Rng::cpu;
  if (name == "cuda") return Rng::cuda;
  return error(ErrorCode::invalid_argument,
               "unknown source of random numbers {}; they are cpu, cuda", quote(name));
}

std::string_view name(Rng rng) { return rng == Rng::cpu ? "cpu" : "cuda"; }

Result<SeedMode> parse_seed_mode(std::string_view name) {
  if (name == "picture") return SeedMode::picture;
  if (name == "stream") return SeedMode::stream;
  return error(ErrorCode::invalid_argument, "unknown seed mode {}; the modes are picture, stream",
               quote(name));
}

std::string_view name(SeedMode mode) { return mode == SeedMode::picture ? "picture" : "stream"; }

Status check(const NoiseSettings& settings) {
  if (settings.variation_strength >= 0 && settings.variation_strength <= 1) return {};
  return error(ErrorCode::invalid_argument, "the variation strength {} is not within 0 to 1",
               settings.variation_strength);
}

}  // namespace tempera::diffusion
