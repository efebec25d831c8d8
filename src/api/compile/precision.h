#pragma once

#include <string>
#include <string_view>

#include "api/run/peaks.h"
#include "base/status.h"
#include "graph/passes/precision.h"

namespace tempera::api {

// Names of a precision, as flags and artifacts give them.
struct PrecisionNames {
  std::string precision;  // "auto", "f32", "bf16", "f16"; empty: f32
  std::string weights;    // "f32", "bf16", "f16", "int8"; empty: as the precision
};

// The fastest dtype of products: a 16-bit one costs accuracy, and must win by a fifth.
DType fastest_arithmetic(const Peaks& peaks);

// Whether the names are known and fit each other. `auto` counts as fitting any weights.
Status check_names(const PrecisionNames& names);
// Of checked names; `arithmetic` is what auto means here. invalid_argument where weights of that
// name do not go with it.
Result<graph::Precision> precision_from_names(const PrecisionNames& names, DType arithmetic);
// Neither name empty nor auto.
PrecisionNames names_of(const graph::Precision& precision);

}  // namespace tempera::api
