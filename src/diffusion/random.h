#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>

namespace tempera::diffusion {

// The stream of torch.Generator("cpu"): an mt19937 seeded with the low 32 bits of the seed.
class TorchCpuGenerator {
 public:
  explicit TorchCpuGenerator(uint64_t seed) : engine_(static_cast<uint32_t>(seed)) {}

  // Fills `values` as one torch.randn of that many f32 elements does, to within 2e-6: torch's
  // vectorised log, sin and cos differ from libm by a few units in the last place.
  void normal(std::span<float> values);

 private:
  float uniform_f32();   // 24 bits, [0, 1)
  double uniform_f64();  // 53 bits, [0, 1)
  double next_normal();
  void fill_blocks(std::span<float> values);

  std::mt19937 engine_;
  // The second value of the last Box-Muller pair of a small draw; it outlives large draws.
  std::optional<double> cached_;
};

}  // namespace tempera::diffusion
