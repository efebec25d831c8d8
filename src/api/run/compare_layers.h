#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "api/run/run_component.h"
#include "api/run/session.h"
#include "base/status.h"

namespace tempera::api {

// How far one setting's value of a layer is from the reference's, both computed from the
// reference's values of what the layer reads: errors of earlier layers are not in it.
struct LayerError {
  std::string layer;
  double error = 0;  // rms(x - reference) / rms(reference); infinity where only the latter is 0
  double rms = 0;    // of the reference
};

// rms(x - reference) / rms(reference) of f32 tensors of one shape; not-a-number where either has
// any. 0 / 0 is 0.
double relative_rms_error(const Tensor& x, const Tensor& reference);

// Layers as layers_of() gives them, of the component that `bound` is for, one after another: at any
// time one layer's weights are packed, and those values are kept that a later layer reads. Each
// layer's value may be looked at through `visit`; false stops with ErrorCode::cancelled.
using VisitLayer = std::function<bool(const LayerError&)>;
Result<std::vector<LayerError>> compare_layers(Session& reference, Session& setting,
                                               const BoundInputs& bound,
                                               std::span<const Layer> layers,
                                               const VisitLayer& visit = {});

}  // namespace tempera::api
