#include "diffusion/pooled_moments.h"

#include "base/check.h"

namespace tempera::diffusion {

void PooledMoments::add(std::span<const float> moments) {
  CHECK(moments.size() == pooled_.size(), "{} moments beside {}", moments.size(), pooled_.size());
  const size_t channels = pooled_.size() / 3;
  for (size_t c = 0; c < channels; ++c) {
    double &count = pooled_[c], &mean = pooled_[channels + c], &squares = pooled_[2 * channels + c];
    const double more = moments[c], apart = moments[channels + c] - mean;
    const double share = more / (count + more);
    squares += moments[2 * channels + c] + apart * apart * count * share;
    mean += apart * share;
    count += more;
  }
}

}  // namespace tempera::diffusion
