#include <algorithm>

#include "runtime/executor.h"
#include "runtime/plan_setup.h"

namespace tempera::runtime {
namespace {

constexpr auto kSetup = static_cast<size_t>(Stage::setup);

}  // namespace

// How many launches still read or write each; those of later stages read weights for ever.
Executor::SetupUses Executor::count_setup_uses(std::span<const size_t> setup_launches) const {
  SetupUses uses{std::vector<int>(weights_.size()), std::vector<int>(packed_.size())};
  const auto count = [&](const PlanLaunch& launch) {
    for (const Binding& binding : launch.bindings) {
      if (binding.region == Region::weight) ++uses.weights[binding.index];
      if (binding.region == Region::packed) ++uses.packed[binding.index];
    }
  };
  for (const size_t l : setup_launches) count(plan_.launches[kSetup][l]);
  for (size_t stage = kSetup + 1; stage < kStageCount; ++stage)
    for (const PlanLaunch& launch : plan_.launches[stage]) count(launch);
  return uses;
}

Status Executor::run_setup_launch(const PlanLaunch& launch, LaunchTimes* times) {
  for (const Binding& binding : launch.bindings) {
    if (binding.region == Region::weight) TRY(wrap_weight(binding.index));
    if (binding.region != Region::packed || packed_[binding.index] != nullptr) continue;
    std::unique_ptr<Buffer>& buffer = handed_on_[binding.index];
    if (buffer != nullptr) continue;
    ASSIGN_OR_RETURN(buffer, device_.allocate(plan_.packed[binding.index].bytes));
  }
  const Launch resolved = resolve(launch);
  ASSIGN_OR_RETURN(const auto list, device_.prepare(module_, {&resolved, 1}));
  TRY(device_.submit(*list, times));
  return device_.wait();
}

void Executor::note_setup_times(size_t launch, const LaunchTimes& times) {
  times_[kSetup].launches[launch] = times.launches[0];
  std::ranges::copy(times.workers, times_[kSetup].workers.begin() +
                                       static_cast<ptrdiff_t>(launch * times.workers.size()));
}

void Executor::release_after_setup_launch(const PlanLaunch& launch, SetupUses& uses) {
  for (const Binding& binding : launch.bindings) {
    if (binding.region == Region::packed && --uses.packed[binding.index] == 0)
      handed_on_[binding.index].reset();
    if (binding.region != Region::weight || --uses.weights[binding.index] > 0) continue;
    weight_buffers_[binding.index].reset();
    weight_owners_[binding.index].reset();
    store_.release_pages(*weights_[binding.index]);
  }
}

Status Executor::run_setup() {
  if (!stale_[kSetup]) return {};
  std::vector<bool> ready;
  for (const WeightStore::Packed* packed : packed_)
    ready.push_back(packed != nullptr && packed->ready);
  const std::vector<size_t> to_run = needed_setup(plan_, ready);
  SetupUses uses = count_setup_uses(to_run);
  for (const size_t l : to_run) {
    if (keep_going_ && !keep_going_())
      return error(ErrorCode::cancelled, "stopped while packing the weights of {}",
                   plan_.component);
    const PlanLaunch& launch = plan_.launches[kSetup][l];
    LaunchTimes times(1, device_.thread_count());
    TRY(run_setup_launch(launch, profiler_ != nullptr ? &times : nullptr));
    if (profiler_ != nullptr) note_setup_times(l, times);
    release_after_setup_launch(launch, uses);
  }
  for (WeightStore::Packed* packed : packed_)
    if (packed != nullptr) packed->ready = true;
  if (profiler_ != nullptr) profiler_->record(profiled_[kSetup], times_[kSetup]);
  stale_[kSetup] = false;
  return {};
}

}  // namespace tempera::runtime
