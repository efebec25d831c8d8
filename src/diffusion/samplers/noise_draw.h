#pragma once

namespace tempera::diffusion {

// A tensor of unit noise that a step takes. Brownian noise is that of the walk between two sigmas;
// other noise does not depend on them.
struct NoiseDraw {
  double from = 0, to = 0;
  bool is_brownian() const { return from > 0; }
};

// The sigmas over which a picture's Brownian walk goes.
struct BrownianRange {
  double low, high;
};

}  // namespace tempera::diffusion
