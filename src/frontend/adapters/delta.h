#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/shape.h"
#include "base/status.h"
#include "tensor_file/stored_tensor.h"

namespace tempera::frontend {

// What an adapter file says of one module, by role. The roles are LyCORIS' names:
//   LoRA, LoCon  lora_up [out, r, 1, 1], lora_down [r, in, kh, kw]; with lora_mid [r, r, kh, kw]
//                lora_down is [r, in, 1, 1]
//   LoHa         hada_w1_a [out, r], hada_w1_b [r, in * kh * kw], hada_w2_a, hada_w2_b; with
//                hada_t1, hada_t2 [r, r, kh, kw] they are [r, out] and [r, in]
//   LoKr         lokr_w1 [a, b] or lokr_w1_a [a, r], lokr_w1_b [r, b]; lokr_w2 [c, d, kh, kw] or
//                lokr_w2_a, lokr_w2_b, with lokr_t2 [r, r, kh, kw] as hada_t1: a c = out, b d = in
//   full         diff of the weight's shape
//   all          alpha [] (absent: r), dora_scale [out, 1, ...] or [1, in, ...]
using AdapterLayer = std::map<std::string, StoredTensor, std::less<>>;

// Adds a change to the f32 values of one weight.
using WeightChange = std::function<Status(std::span<float> values)>;

// The change that `layer` with `strength` makes to a weight of `shape`: strength * alpha / r *
// delta, or, with dora_scale, strength * (dora_scale * v / |v| - weight), v = weight + alpha / r *
// delta, norms being taken for each output or input channel as dora_scale's shape says. Shapes are
// checked here, and nothing is read but alpha; the change computes the delta anew each time.
// invalid_argument: shapes do not fit the weight's; data_loss: they do not fit each other.
// `where` names file and module.
Result<WeightChange> weight_change(const AdapterLayer& layer, double strength, const Shape& shape,
                                   const std::string& where);

// The elements of a tensor as f32.
Result<std::vector<float>> values_of(const StoredTensor& tensor);

}  // namespace tempera::frontend
