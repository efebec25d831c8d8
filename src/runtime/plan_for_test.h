#pragma once

#include "runtime/plan.h"

namespace tempera::runtime {

// A plan that uses every kind of memory and stage, for a device that runs the kernels named here on
// four floats:
//   setup  pack:    packed = 2 * weight
//   prompt add:     state = prompt + packed
//   step   multiply: arena = sample * state;  add: result = arena + bias (a weight);  add: total =
//   result + table
inline Plan small_plan() {
  const Shape four = {4};
  Plan plan;
  plan.component = "unet";
  plan.inputs = {{"sample", DType::f32, four, Stage::step},
                 {"prompt", DType::f32, four, Stage::prompt}};
  plan.outputs = {{"result", DType::f32, four, Stage::step},
                  {"total", DType::f32, four, Stage::step}};
  plan.weights = {{"conv.weight", DType::f32, four, Stage::setup},
                  {"conv.bias", DType::f32, four, Stage::setup}};
  plan.packed = {{"conv.weight twice", 16}};
  plan.constants = {{DType::f32, four, "AAAAAAAAgD8AAABAAABAQA=="}};  // 0 1 2 3
  plan.kernels = {{"twice", 4, 0}, {"add", 4, 0}, {"multiply", 4, 128}};
  plan.launches[0] = {
      {0, {{Region::weight, 0, 0}, {Region::packed, 0, 0}}, "conv", "pointwise lanes=4", 4, 32}};
  plan.launches[2] = {{1,
                       {{Region::input, 1, 0}, {Region::packed, 0, 0}, {Region::state, 0, 64}},
                       "attn",
                       "pointwise",
                       4,
                       48}};
  plan.launches[3] = {
      {2, {{Region::input, 0, 0}, {Region::state, 0, 64}, {Region::arena, 0, 128}}, "a", "m", 4, 1},
      {1,
       {{Region::arena, 0, 128}, {Region::weight, 1, 0}, {Region::output, 0, 0}},
       "b",
       "p",
       4,
       1},
      {1,
       {{Region::output, 0, 0}, {Region::constant, 0, 0}, {Region::output, 1, 0}},
       "c",
       "p",
       0.1,
       1e300}};
  plan.state_bytes = 128;
  plan.arena_bytes = 256;
  plan.live_bytes = 144;
  return plan;
}

}  // namespace tempera::runtime
