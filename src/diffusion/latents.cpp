#include "diffusion/latents.h"

#include <numeric>

namespace tempera::diffusion {

Result<std::vector<uint64_t>> picture_seeds(std::span<const uint64_t> seeds, int64_t batch,
                                            const NoiseSettings& noise) {
  CHECK(!seeds.empty() && batch >= 1, "{} seeds for {} pictures", seeds.size(), batch);
  if (seeds.size() > 1 && static_cast<int64_t>(seeds.size()) != batch)
    return error(ErrorCode::invalid_argument,
                 "{} seeds for a batch of {} pictures; give one seed, or one a picture",
                 seeds.size(), batch);
  const bool one_stream = noise.seed_mode == SeedMode::stream;
  if (seeds.size() > 1 && one_stream)
    return error(ErrorCode::invalid_argument,
                 "{} seeds for one stream of noise; give one, or pass --seed-mode picture",
                 seeds.size());
  if (seeds.size() > 1) return std::vector<uint64_t>(seeds.begin(), seeds.end());
  std::vector<uint64_t> result(static_cast<size_t>(batch), seeds[0]);
  if (!one_stream && !has_variation(noise)) std::iota(result.begin(), result.end(), seeds[0]);
  return result;
}

}  // namespace tempera::diffusion
