#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/shape.h"

namespace tempera::runtime {

// What a compiled component does: buffers, and launches in order for each stage. Written by
// `lower`, stored as JSON in an artifact, executed by Executor. Nothing here depends on the values
// of weights.

// When launches run: `setup` once a model (packs weights), then once a picture, once a prompt,
// every step. Running a stage makes the results of later stages stale, never those of earlier ones.
enum class Stage : uint8_t { setup, picture, prompt, step };
constexpr int kStageCount = 4;
std::string_view name(Stage stage);

// A tensor at the boundary: dense, row-major, bound by name.
struct PlanTensor {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  Stage stage = Stage::step;  // an input's: the first stage that reads it; an output's: the stage
                              // that writes it
};

// A tensor made by setup launches from weights. If a later stage reads it, it is kept as long as
// the model is loaded, and plans over the same weights share those of equal key (weight names,
// packing kernel, its config); see plan_setup.h.
struct PackedTensor {
  std::string key;
  int64_t bytes = 0;
};

int64_t bytes_of(const PlanTensor& tensor);

// Constant data of the model's graph that does not fold into code (tables): stored in the plan.
struct PlanConstant {
  DType dtype = DType::f32;
  Shape shape;
  std::string base64;
};

// Memory that a launch's parameter is bound to. `index` counts within the plan's list of that kind;
// state and arena are one region each, told apart by offset.
enum class Region : uint8_t { input, output, weight, packed, constant, state, arena };
struct Binding {
  Region region = Region::arena;
  int32_t index = 0;
  int64_t offset = 0;  // bytes, a multiple of Target::buffer_alignment
  bool operator==(const Binding&) const = default;
};

struct PlanKernel {
  std::string symbol;                // entry point in the module
  int64_t grid = 1;                  // iterations of the flattened grid
  int64_t scratch_bytes = 0;         // workgroup memory of one worker
  std::vector<int32_t> writes = {};  // the parameters that it writes, by index
};

struct PlanLaunch {
  int32_t kernel = 0;
  std::vector<Binding> bindings;  // one for each parameter
  // For the profiler and messages.
  std::string origin;             // module paths, the anchor's first, joined by ','
  std::string schedule;           // "contraction tile_m=8 tile_n=32"
  std::string kind;               // "contraction", "attention", "norm", "reduction", "elementwise",
                                  // "movement", or "packing" of a setup launch
  std::string workload;           // "conv 3x3 2x320x64x64 -> 320x64x64"
  DType arithmetic = DType::f32;  // of the inner products: which of a machine's rates bounds it
  double flops = 0;               // of the original operation, 2 a multiply-add
  double executed_flops = 0;      // by this schedule: fewer where it saves multiplications
  double bytes = 0;               // read and written once, weights as they are packed
};

struct Plan {
  std::string component;  // "unet"
  std::vector<PlanTensor> inputs, outputs, weights;
  std::vector<PackedTensor> packed;
  std::vector<PlanConstant> constants;
  std::vector<PlanKernel> kernels;
  std::array<std::vector<PlanLaunch>, kStageCount> launches;
  int64_t state_bytes = 0;  // values handed from picture and prompt stages to later ones
  int64_t arena_bytes = 0;  // temporaries of all stages but setup
  int64_t live_bytes = 0;   // the largest sum of live temporaries: a lower bound of arena_bytes
};

}  // namespace tempera::runtime
