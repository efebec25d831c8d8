#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/device.h"
#include "runtime/plan.h"
#include "runtime/profiler.h"
#include "runtime/weight_store.h"

namespace tempera::runtime {

// Runs a plan on a device. Everything is looked up and allocated by create() and run_setup(); after
// them set_input, run and output allocate nothing and compare no strings.
//
//   ASSIGN_OR_RETURN(auto executor, Executor::create(device, module, plan, weights));
//   ASSIGN_OR_RETURN(const int sample, executor->input("sample"));
//   TRY(executor->set_input(sample, bytes));
//   TRY(executor->run(Stage::step));
class Executor {
 public:
  // Device, module and weights outlive the executor. Errors: a weight that is missing, or of
  // another dtype or shape than the plan's; no memory; a kernel that the module lacks.
  static Result<std::unique_ptr<Executor>> create(Device& device, const Module& module, Plan plan,
                                                  WeightStore& weights);

  const Plan& plan() const { return plan_; }
  // The index of a name, to be looked up once; not_found names those that there are.
  Result<int> input(std::string_view name) const;
  Result<int> output(std::string_view name) const;

  // Copies the value in and makes the input's stage stale. invalid_argument: not as many bytes as
  // the plan's shape has.
  Status set_input(int index, std::span<const std::byte> bytes);
  // Makes the packed tensors that no other plan over these weights made before, and gives back the
  // memory of raw weights as soon as they are packed. The first run does it if it was not called.
  Status run_setup();
  // Runs `stage`, and those before it that are stale: never run, or with inputs set or an earlier
  // stage run since. invalid_argument: an input of theirs was never set.
  Status run(Stage stage);
  // Output as its stage last wrote it, dense, row-major; valid until that stage runs again. On a
  // device whose memory the host cannot see this copies it.
  Result<std::span<const std::byte>> output_bytes(int index);

  // Adds each launch's time to `profiler` from now on; null switches it off. Timed launches wait
  // for one another.
  void set_profiler(Profiler* profiler);
  // Asked before each launch of setup, the one stage that may take seconds before the first step;
  // false ends it with ErrorCode::cancelled, and the next run starts it again.
  void set_keep_going(std::function<bool()> keep_going) { keep_going_ = std::move(keep_going); }

 private:
  struct BoundTensor {  // an input or output
    std::unique_ptr<Buffer> buffer;
    std::vector<std::byte> host_copy;  // of an output, where the host cannot see the buffer
    bool set = false;                  // of an input
  };

  Executor(Device& device, const Module& module, Plan plan, WeightStore& weights)
      : device_(device), module_(module), plan_(std::move(plan)), store_(weights) {
    stale_.fill(true);
  }
  Status find_weights();
  Status allocate_buffers();
  Status prepare_stages();
  Status wrap_weight(size_t index);
  // Launches to come, by weight and by packed tensor.
  struct SetupUses {
    std::vector<int> weights, packed;
  };
  SetupUses count_setup_uses(std::span<const size_t> setup_launches) const;
  Status run_setup_launch(const PlanLaunch& launch, LaunchTimes* times);
  void note_setup_times(size_t launch, const LaunchTimes& times);
  void release_after_setup_launch(const PlanLaunch& launch, SetupUses& uses);
  Status run_stage(Stage stage);
  BufferSlice resolve(const Binding& binding) const;
  Launch resolve(const PlanLaunch& launch) const;

  Device& device_;
  const Module& module_;
  const Plan plan_;
  WeightStore& store_;
  std::vector<BoundTensor> inputs_, outputs_;
  std::vector<WeightStore::Weight*> weights_;
  // Of each weight, null while no launch to come reads it: what keeps its values, and the values.
  std::vector<std::shared_ptr<const void>> weight_owners_;
  std::vector<std::unique_ptr<Buffer>> weight_buffers_;
  std::vector<std::unique_ptr<Buffer>> constants_;
  std::vector<WeightStore::Packed*> packed_;        // null: not kept, see kept_packed()
  std::vector<std::unique_ptr<Buffer>> handed_on_;  // those not kept, while setup needs them
  std::unique_ptr<Buffer> state_, arena_;
  std::array<std::unique_ptr<LaunchList>, kStageCount> lists_;  // setup has none
  std::array<bool, kStageCount> stale_;
  Profiler* profiler_ = nullptr;
  std::function<bool()> keep_going_;
  std::array<int, kStageCount> profiled_{};     // the profiler's names of the stages
  std::array<LaunchTimes, kStageCount> times_;  // while there is a profiler
};

}  // namespace tempera::runtime
