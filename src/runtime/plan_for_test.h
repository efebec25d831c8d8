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
  plan.kernels = {{"twice", 4, 0, {1}}, {"add", 4, 0, {2}}, {"multiply", 4, 128, {2}}};
  const auto launch = [](int32_t kernel, std::vector<Binding> bindings, std::string origin,
                         double flops, double bytes) {
    return PlanLaunch{.kernel = kernel,
                      .bindings = std::move(bindings),
                      .origin = std::move(origin),
                      .schedule = "pointwise lanes=4",
                      .kind = "elementwise",
                      .workload = "add 4",
                      .arithmetic = DType::bf16,
                      .flops = flops,
                      .executed_flops = flops / 2,
                      .bytes = bytes};
  };
  plan.launches[0] = {launch(0, {{Region::weight, 0, 0}, {Region::packed, 0, 0}}, "conv", 4, 32)};
  plan.launches[2] = {launch(
      1, {{Region::input, 1, 0}, {Region::packed, 0, 0}, {Region::state, 0, 64}}, "attn", 4, 48)};
  plan.launches[3] = {
      launch(2, {{Region::input, 0, 0}, {Region::state, 0, 64}, {Region::arena, 0, 128}}, "a", 4,
             1),
      launch(1, {{Region::arena, 0, 128}, {Region::weight, 1, 0}, {Region::output, 0, 0}}, "b", 4,
             1),
      launch(1, {{Region::output, 0, 0}, {Region::constant, 0, 0}, {Region::output, 1, 0}}, "c",
             0.1, 1e300)};
  plan.state_bytes = 128;
  plan.arena_bytes = 256;
  plan.live_bytes = 144;
  return plan;
}

}  // namespace tempera::runtime
