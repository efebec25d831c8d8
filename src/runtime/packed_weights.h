#pragma once

#include <functional>
#include <span>
#include <string>

#include "base/status.h"
#include "runtime/device.h"
#include "runtime/plan.h"
#include "runtime/weight_store.h"
#include "tensor_file/stored_tensor.h"

namespace tempera::runtime {

// A part's weights as setup leaves them, in a safetensors file that is used where it is mapped:
// nothing is packed on loading, and processes share its pages. Packed tensors are "packed.KEY", of
// bytes; weights that launches after setup read have their own names, dtypes and shapes.
struct PackedWeights {
  NamedTensors packed;  // by key
  NamedTensors stored;
};

// Packs the weights for all plans of a part, whose code `module` is, and writes the file. Errors:
// those of Executor::create and run_setup, and of writing; cancelled when keep_going says so.
Status write_packed_weights(const std::string& path, Device& device, const Module& module,
                            std::span<const Plan* const> plans, WeightStore& weights,
                            const std::function<bool()>& keep_going = {});

// Errors of TensorFile::open.
Result<PackedWeights> read_packed_weights(const std::string& path);

}  // namespace tempera::runtime
