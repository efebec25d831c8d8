#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace tempera::diffusion {

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// The stream of torch.Generator("cuda"), true for tensors of no more elements than a launch has
// threads, as every latent of SD 1 and 2 on a common card.
class PhiloxGenerator {
 public:
  explicit PhiloxGenerator(uint64_t seed)
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)} {}

  // Fills `values` as one torch.randn of that many f32 elements does, to within 2e-6.
  void normal(std::span<float> values);

 private:
  std::array<uint32_t, 2> key_;
  uint32_t draw_ = 0;
};

}  // namespace tempera::diffusion
