#include "runtime/packed_weights.h"

#include <set>
#include <string_view>

#include "runtime/executor.h"
#include "runtime/plan_setup.h"
#include "tensor_file/stream_safetensors.h"
#include "tensor_file/tensor_file.h"

namespace tempera::runtime {
namespace {

constexpr std::string_view kPrefix = "packed.";

Status pack(Device& device, const Module& module, const Plan& plan, WeightStore& weights,
            const std::function<bool()>& keep_going) {
  ASSIGN_OR_RETURN(const auto executor, Executor::create(device, module, plan, weights));
  executor->set_keep_going(keep_going);
  return executor->run_setup();
}

Result<LazyTensor> packed_tensor(Device& device, const PackedTensor& tensor, WeightStore& weights) {
  ASSIGN_OR_RETURN(const WeightStore::Packed* packed, weights.packed(device, tensor));
  LazyTensor lazy{std::string(kPrefix) + tensor.key, DType::u8, {tensor.bytes}, {}};
  lazy.values = [&device, buffer = packed->buffer.get()]() -> Result<Tensor> {
    Tensor values(DType::u8, {buffer->size()});
    TRY(device.download({buffer}, values.data));
    return values;
  };
  return lazy;
}

LazyTensor stored_tensor(const PlanTensor& planned, WeightStore& weights) {
  const StoredTensor& tensor = weights.find(planned.name)->tensor;
  return {planned.name, tensor.dtype, tensor.shape, [&tensor] { return load(tensor); }};
}

// Each once, whatever the number of plans.
Result<std::vector<LazyTensor>> all_tensors(Device& device, std::span<const Plan* const> plans,
                                            WeightStore& weights) {
  std::vector<LazyTensor> tensors;
  std::set<std::string> names;
  for (const Plan* plan : plans) {
    const std::vector<bool> kept = kept_packed(*plan);
    for (size_t i = 0; i < kept.size(); ++i) {
      const PackedTensor& packed = plan->packed[i];
      if (!kept[i] || !names.insert(std::string(kPrefix) + packed.key).second) continue;
      ASSIGN_OR_RETURN(tensors.emplace_back(), packed_tensor(device, packed, weights));
    }
    const std::vector<bool> is_read = weights_after_packing(*plan);
    for (size_t i = 0; i < is_read.size(); ++i)
      if (is_read[i] && names.insert(plan->weights[i].name).second)
        tensors.push_back(stored_tensor(plan->weights[i], weights));
  }
  return tensors;
}

}  // namespace

Status write_packed_weights(const std::string& path, Device& device, const Module& module,
                            std::span<const Plan* const> plans, WeightStore& weights,
                            const std::function<bool()>& keep_going) {
  for (const Plan* plan : plans) TRY(pack(device, module, *plan, weights, keep_going));
  ASSIGN_OR_RETURN(std::vector<LazyTensor> tensors, all_tensors(device, plans, weights));
  return stream_aligned_safetensors(path, std::move(tensors), kBufferAlignment);
}

Result<PackedWeights> read_packed_weights(const std::string& path) {
  ASSIGN_OR_RETURN(const TensorFile file, TensorFile::open(path));
  PackedWeights weights;
  for (const auto& [name, tensor] : file.tensors()) {
    if (name.starts_with(kPrefix))
      weights.packed.emplace_back(name.substr(kPrefix.size()), tensor);
    else
      weights.stored.emplace_back(name, tensor);
  }
  return weights;
}

}  // namespace tempera::runtime
