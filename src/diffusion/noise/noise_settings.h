#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/status.h"

namespace tempera::diffusion {

// Which generator of torch random numbers are those of: the CPU's (MT19937) or CUDA's (Philox;
// AUTOMATIC1111's noise sources GPU, with a card, and NV).
enum class Rng { cpu, cuda };
Result<Rng> parse_rng(std::string_view name);
std::string_view name(Rng rng);

// One stream a picture, so that a picture does not depend on its batch; or one for the whole batch,
// as diffusers with a single generator.
enum class SeedMode { picture, stream };
Result<SeedMode> parse_seed_mode(std::string_view name);
std::string_view name(SeedMode mode);

struct NoiseSettings {
  Rng rng = Rng::cpu;
  SeedMode seed_mode = SeedMode::picture;
  // AUTOMATIC1111's "eta noise seed delta": unless 0, all noise after a picture's first comes from
  // the stream of its seed plus this.
  int64_t seed_delta = 0;
  // Mixes noise of this seed plus the picture's index into the picture's first noise.
  std::optional<uint64_t> variation_seed;
  double variation_strength = 0;  // 0 none of it, 1 only it

  // Where the request's pictures lie in a batch that is made in several parts.
  int64_t first_picture = 0;
  int64_t batch = 0;  // pictures of the whole; 0: as many as the request has
};

inline bool has_variation(const NoiseSettings& settings) {
  return settings.variation_seed && settings.variation_strength != 0;
}

// `invalid_argument` for a strength that is not within 0 to 1.
Status check(const NoiseSettings& settings);

}  // namespace tempera::diffusion
