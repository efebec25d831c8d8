#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "api/run/session.h"
#include "diffusion/pooled_moments.h"

namespace tempera::api {

// A plan of VaePart::local: what a component of the VAE does to a tile, with the moments of the
// whole picture in its group norms.
class LocalPart {
 public:
  // `input` and `output` name what it is applied to and gives. Its norms use their own moments.
  static Result<LocalPart> open(Session& session, const ComponentRequest& request,
                                std::string_view input, std::string_view output);

  // Of `output`.
  int64_t channels() const { return executor_->plan().outputs[output_].shape[1]; }
  // Adds a tile's moments to those of the picture.
  Status look(std::span<const float> tile);
  // From now on the norms use those.
  Status keep_looks();
  Status apply(std::span<const float> tile, std::span<float> result);

 private:
  struct Norm {
    int given, own;  // input and output of the plan
    diffusion::PooledMoments seen;
  };
  Status run(std::span<const float> tile);
  Status set_given(bool given);

  runtime::Executor* executor_ = nullptr;
  int input_ = 0, output_ = 0, are_given_ = 0;
  std::vector<Norm> norms_;
};

}  // namespace tempera::api
