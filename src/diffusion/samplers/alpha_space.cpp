#include "diffusion/samplers/alpha_space.h"

#include <cmath>

namespace tempera::diffusion {

Mix mix_of(float alpha) { return {std::sqrt(alpha), std::sqrt(1.0f - alpha)}; }

Predicted predict(Prediction kind, const Mix& at, float sample, float output) {
  switch (kind) {
    case Prediction::epsilon:
      return {(sample - at.noise * output) / at.signal, output};
    case Prediction::sample:
      return {output, (sample - at.signal * output) / at.noise};
    case Prediction::v_prediction:
      return {at.signal * sample - at.noise * output, at.signal * output + at.noise * sample};
  }
  CHECK(false, "a prediction without a case");
}

}  // namespace tempera::diffusion
