#pragma once

#include <cstdint>
#include <span>
#include <variant>

#include "diffusion/noise/noise_settings.h"
#include "diffusion/noise/philox.h"
#include "diffusion/random.h"

namespace tempera::diffusion {

// The stream of one seed, of either kind.
class NormalGenerator {
 public:
  NormalGenerator(Rng rng, uint64_t seed) : stream_(TorchCpuGenerator(seed)) {
    if (rng == Rng::cuda) stream_ = PhiloxGenerator(seed);
  }

  // One torch.randn of that many f32 elements.
  void normal(std::span<float> values) {
    std::visit([values](auto& stream) { stream.normal(values); }, stream_);
  }

 private:
  std::variant<TorchCpuGenerator, PhiloxGenerator> stream_;
};

}  // namespace tempera::diffusion
