#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "frontend/checkpoint/activation.h"
#include "frontend/checkpoint/weights.h"
#include "frontend/models/component_graph.h"
#include "graph/build.h"

namespace tempera::frontend {

using graph::kAbsent;
using graph::ValueId;

// A GraphBuilder that knows a part's weights. A layer called "conv1" inside the scope "resnets.0"
// reads the tensors resnets.0.conv1.weight and .bias, and marks its output as that module's.
//
// Every tensor is checked against the shape that the config asks for. The first that is missing or
// wrong is kept as the error of finish(), and building goes on with the shape asked for, so that
// models are written without error handling.
class ModuleBuilder {
 public:
  // `circular`: convolutions that pad evenly see the opposite side beyond an edge.
  explicit ModuleBuilder(const Weights& weights, bool circular = false)
      : weights_(weights), circular_(circular) {}

  graph::GraphBuilder b;

  ValueId conv(std::string_view layer, ValueId x, int64_t out_channels, int64_t kernel,
               const graph::GraphBuilder::ConvOptions& options);
  ValueId conv3x3(std::string_view layer, ValueId x, int64_t out_channels) {
    return conv(layer, x, out_channels, 3, {.pad = 1});
  }
  ValueId conv1x1(std::string_view layer, ValueId x, int64_t out_channels) {
    return conv(layer, x, out_channels, 1, {});
  }
  ValueId linear(std::string_view layer, ValueId x, int64_t out_features, bool bias = true);
  ValueId group_norm(std::string_view layer, ValueId x, int64_t groups, double epsilon);
  ValueId layer_norm(std::string_view layer, ValueId x, double epsilon);
  ValueId activation(Activation activation, ValueId x);
  // For a graph that sees a tile of a picture: from now on each group norm at PATH has an output
  // PATH.moments, the channel_moments of what it sees, and an input of that name and shape, rate
  // step, which it uses instead where the input `moments_are_given`, a bool [1], holds.
  void share_moments();

  // The tensor path() + "." + leaf of the weights, as f32.
  ValueId weight(std::string_view leaf, const Shape& expected);

  Result<ComponentGraph> finish() &&;

 private:
  void check(const std::string& name, const StoredTensor& tensor, const Shape& expected);
  void keep(Error error);
  // x [n, c, h, w] with `pad` rows and columns of the opposite sides around it.
  ValueId wrap(ValueId x, int64_t pad);

  // What a group norm multiplies x by and then adds, from moments that may be given.
  std::vector<ValueId> shared_affine(ValueId x, ValueId scale, ValueId bias, int64_t groups,
                                     double epsilon);

  const Weights& weights_;
  bool circular_;
  ValueId moments_are_given_ = kAbsent;
  Status status_;
};

}  // namespace tempera::frontend
