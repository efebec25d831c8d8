#include "runtime/executor.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"
#include "runtime/base64.h"
#include "runtime/plan_setup.h"

namespace tempera::runtime {
namespace {

constexpr auto kSetup = static_cast<size_t>(Stage::setup);

Result<int> find_tensor(const std::vector<PlanTensor>& tensors, std::string_view name,
                        std::string_view kind, std::string_view component) {
  std::vector<std::string> names;
  for (const PlanTensor& tensor : tensors) {
    if (tensor.name == name) return static_cast<int>(names.size());
    names.push_back(tensor.name);
  }
  return error(ErrorCode::not_found, "{} has no {} {}; it has {}", component, kind, quote(name),
               fmt::join(names, ", "));
}

Status check_weight(const PlanTensor& planned, const WeightStore::Weight* weight,
                    const WeightStore& store) {
  if (weight == nullptr)
    return error(ErrorCode::not_found,
                 "{}: tensor {} is missing; this plan was compiled for another model",
                 store.source(), quote(planned.name));
  const StoredTensor& tensor = weight->tensor;
  const std::string file = tensor.file != nullptr ? tensor.file->path() : store.source();
  if (tensor.shape != planned.shape)
    return error(ErrorCode::invalid_argument,
                 "{}: tensor {} has shape {}, but the plan was compiled for {}; compile again",
                 file, quote(planned.name), to_string(tensor.shape), to_string(planned.shape));
  if (tensor.dtype != planned.dtype)
    return error(ErrorCode::invalid_argument,
                 "{}: tensor {} is {}, but the plan was compiled for {}; compile again", file,
                 quote(planned.name), name(tensor.dtype), name(planned.dtype));
  return {};
}

// Whether a kernel may read the elements where they lie: a file may put them at any offset.
bool is_aligned(std::span<const std::byte> bytes, DType dtype) {
  return reinterpret_cast<uintptr_t>(bytes.data()) % size_in_bytes(dtype) == 0;
}

}  // namespace

Result<std::unique_ptr<Executor>> Executor::create(Device& device, const Module& module, Plan plan,
                                                   WeightStore& weights) {
  std::unique_ptr<Executor> executor(new Executor(device, module, std::move(plan), weights));
  TRY(executor->find_weights());
  TRY(executor->allocate_buffers());
  TRY(executor->prepare_stages());
  return executor;
}

Status Executor::find_weights() {
  const std::vector<bool> needed = store_.was_packed()
                                       ? weights_after_packing(plan_)
                                       : std::vector<bool>(plan_.weights.size(), true);
  for (size_t i = 0; i < plan_.weights.size(); ++i) {
    WeightStore::Weight* weight = store_.find(plan_.weights[i].name);
    if (weight != nullptr || needed[i]) TRY(check_weight(plan_.weights[i], weight, store_));
    weights_.push_back(weight);
  }
  weight_owners_.resize(weights_.size());
  weight_buffers_.resize(weights_.size());
  return {};
}

Status Executor::allocate_buffers() {
  for (const PlanTensor& tensor : plan_.inputs) {
    ASSIGN_OR_RETURN(inputs_.emplace_back().buffer, device_.allocate(bytes_of(tensor)));
  }
  for (const PlanTensor& tensor : plan_.outputs) {
    ASSIGN_OR_RETURN(outputs_.emplace_back().buffer, device_.allocate(bytes_of(tensor)));
    if (outputs_.back().buffer->host_view().empty())
      outputs_.back().host_copy.resize(static_cast<size_t>(bytes_of(tensor)));
  }
  for (const PlanConstant& constant : plan_.constants) {
    const auto bytes = base64_decode(constant.base64);
    CHECK(bytes, "a constant of {} that is not base64", plan_.component);
    ASSIGN_OR_RETURN(constants_.emplace_back(),
                     device_.allocate(static_cast<int64_t>(bytes->size())));
    TRY(device_.upload({constants_.back().get()}, *bytes));
  }
  const std::vector<bool> kept = kept_packed(plan_);
  packed_.resize(kept.size());
  handed_on_.resize(kept.size());
  for (size_t i = 0; i < kept.size(); ++i)
    if (kept[i]) {
      ASSIGN_OR_RETURN(packed_[i], store_.packed(device_, plan_.packed[i]));
    }
  ASSIGN_OR_RETURN(state_, device_.allocate(plan_.state_bytes));
  ASSIGN_OR_RETURN(arena_, device_.allocate(plan_.arena_bytes));
  return {};
}

// Setup launches are prepared one at a time, when they run: most plans find their packed tensors
// made.
Status Executor::prepare_stages() {
  for (size_t stage = kSetup + 1; stage < kStageCount; ++stage) {
    std::vector<Launch> launches;
    for (const PlanLaunch& launch : plan_.launches[stage]) {
      for (const Binding& binding : launch.bindings)
        if (binding.region == Region::weight) TRY(wrap_weight(binding.index));
      launches.push_back(resolve(launch));
    }
    ASSIGN_OR_RETURN(lists_[stage], device_.prepare(module_, launches));
  }
  return {};
}

Status Executor::wrap_weight(size_t index) {
  std::unique_ptr<Buffer>& buffer = weight_buffers_[index];
  if (buffer != nullptr) return {};
  WeightStore::Weight& weight = *weights_[index];
  ASSIGN_OR_RETURN(const WeightStore::Values values, store_.values(weight));
  if (is_aligned(values.bytes, weight.tensor.dtype)) {
    ASSIGN_OR_RETURN(buffer, device_.wrap(values.bytes));
    weight_owners_[index] = values.owner;
    return {};
  }
  ASSIGN_OR_RETURN(buffer, device_.allocate(static_cast<int64_t>(values.bytes.size())));
  TRY(device_.upload({buffer.get()}, values.bytes));
  store_.release_pages(weight);
  return {};
}

BufferSlice Executor::resolve(const Binding& binding) const {
  const auto index = static_cast<size_t>(binding.index);
  switch (binding.region) {
    case Region::input:
      return {inputs_[index].buffer.get(), binding.offset};
    case Region::output:
      return {outputs_[index].buffer.get(), binding.offset};
    case Region::weight:
      return {weight_buffers_[index].get(), binding.offset};
    case Region::packed:
      return {packed_[index] != nullptr ? packed_[index]->buffer.get() : handed_on_[index].get(),
              binding.offset};
    case Region::constant:
      return {constants_[index].get(), binding.offset};
    case Region::state:
      return {state_.get(), binding.offset};
    case Region::arena:
      return {arena_.get(), binding.offset};
  }
  CHECK(false, "region {}", static_cast<int>(binding.region));
}

Launch Executor::resolve(const PlanLaunch& launch) const {
  Launch resolved{.kernel = &plan_.kernels[launch.kernel], .buffers = {}};
  for (const Binding& binding : launch.bindings) resolved.buffers.push_back(resolve(binding));
  return resolved;
}

Result<int> Executor::input(std::string_view name) const {
  return find_tensor(plan_.inputs, name, "input", plan_.component);
}

Result<int> Executor::output(std::string_view name) const {
  return find_tensor(plan_.outputs, name, "output", plan_.component);
}

Status Executor::set_input(int index, std::span<const std::byte> bytes) {
  const PlanTensor& planned = plan_.inputs.at(index);
  BoundTensor& input = inputs_[index];
  if (static_cast<int64_t>(bytes.size()) != input.buffer->size())
    return error(ErrorCode::invalid_argument, "input {} of {} has {} bytes, but its {} {} takes {}",
                 quote(planned.name), plan_.component, bytes.size(), name(planned.dtype),
                 to_string(planned.shape), input.buffer->size());
  TRY(device_.upload({input.buffer.get()}, bytes));
  input.set = true;
  stale_[static_cast<size_t>(planned.stage)] = true;
  return {};
}

Result<std::span<const std::byte>> Executor::output_bytes(int index) {
  BoundTensor& output = outputs_.at(index);
  TRY(device_.wait());
  if (output.host_copy.empty()) return std::span<const std::byte>(output.buffer->host_view());
  TRY(device_.download({output.buffer.get()}, output.host_copy));
  return std::span<const std::byte>(output.host_copy);
}

void Executor::set_profiler(Profiler* profiler) {
  profiler_ = profiler;
  if (profiler == nullptr) return;
  for (size_t stage = 0; stage < kStageCount; ++stage) {
    profiled_[stage] = profiler->add_stage(plan_, static_cast<Stage>(stage));
    times_[stage] = LaunchTimes(plan_.launches[stage].size(), device_.thread_count());
  }
}

Status Executor::run(Stage stage) {
  TRY(run_setup());
  for (size_t earlier = kSetup + 1; earlier < static_cast<size_t>(stage); ++earlier)
    if (stale_[earlier]) TRY(run_stage(static_cast<Stage>(earlier)));
  return stage == Stage::setup ? Status() : run_stage(stage);
}

Status Executor::run_stage(Stage stage) {
  const auto s = static_cast<size_t>(stage);
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (!inputs_[i].set && plan_.inputs[i].stage <= stage)
      return error(ErrorCode::invalid_argument, "input {} of {} was not given",
                   quote(plan_.inputs[i].name), plan_.component);
  if (profiler_ == nullptr) {
    TRY(device_.submit(*lists_[s]));
  } else {
    TRY(device_.submit(*lists_[s], &times_[s]));
    profiler_->record(profiled_[s], times_[s]);
  }
  stale_[s] = false;
  std::fill(stale_.begin() + s + 1, stale_.end(), true);
  return {};
}

}  // namespace tempera::runtime
