#pragma once

#include <array>
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
  // Brings the stages before `stage` up to date, then runs it. Stages that are not stale do not run
  // again.
  Status run(Stage stage);
  // Output as its stage last wrote it, dense, row-major; valid until that stage runs again. On a
  // device whose memory the host cannot see this copies it.
  Result<std::span<const std::byte>> output_bytes(int index);

  // Adds each launch's time to `profiler` from now on; null switches it off. Timed launches wait
  // for one another.
  void set_profiler(Profiler* profiler);

 private:
  struct Boundary {  // an input or output
    std::unique_ptr<Buffer> buffer;
    std::vector<std::byte> host;  // where the host cannot see the buffer
  };

  Executor(Device& device, const Module& module, Plan plan, WeightStore& weights)
      : device_(device), module_(module), plan_(std::move(plan)), weights_(weights) {}
  Status bind_weights();
  Status allocate_buffers();
  Status prepare_stages();
  Status run_stage(Stage stage);
  BufferSlice resolve(const Binding& binding) const;
  Launch resolve(const PlanLaunch& launch) const;

  Device& device_;
  const Module& module_;
  const Plan plan_;
  WeightStore& weights_;
  std::vector<Boundary> inputs_, outputs_;
  std::vector<std::unique_ptr<Buffer>> weight_buffers_, constants_;
  std::vector<WeightStore::Packed*> packed_;
  std::unique_ptr<Buffer> state_, arena_;
  std::array<std::unique_ptr<LaunchList>, kStageCount> lists_;
  std::array<bool, kStageCount> stale_;
  Profiler* profiler_ = nullptr;
  std::array<std::vector<double>, kStageCount>
      seconds_;  // of each launch, while there is a profiler
};

}  // namespace tempera::runtime
