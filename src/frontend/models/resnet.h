#pragma once

#include "frontend/models/module_builder.h"

namespace tempera::frontend {

struct ResnetOptions {
  int64_t out_channels;
  int64_t groups;
  double epsilon;
  Activation activation;
  double output_scale = 1;  // the sum is divided by it
};

// diffusers' ResnetBlock2D: x [n, c, h, w] and the time embedding [n, e] (kAbsent in a VAE) -> [n,
// out_channels, h, w].
ValueId resnet(ModuleBuilder& m, std::string_view layer, ValueId x, ValueId time,
               const ResnetOptions& options);

// A 3x3 convolution of stride 2; padding 1 on all sides, or 0: one row and column at the bottom and
// right only.
ValueId downsample(ModuleBuilder& m, ValueId x, int64_t out_channels, int64_t padding);
// Nearest neighbours to [height, width], then a 3x3 convolution.
ValueId upsample(ModuleBuilder& m, ValueId x, int64_t height, int64_t width);

}  // namespace tempera::frontend
