#include "api/run/run_component.h"

#include <algorithm>
#include <chrono>

#include "api/run/compiled_plans.h"

namespace tempera::api {

using runtime::Executor;
using runtime::PlanTensor;
using runtime::Stage;

Status set_inputs(Executor& executor, const BoundInputs& bound) {
  for (const auto& [name, tensor] : bound.inputs) {
    ASSIGN_OR_RETURN(const int index, executor.input(name));
    const PlanTensor& planned = executor.plan().inputs[index];
    if (planned.shape != tensor.shape)
      return error(ErrorCode::invalid_argument,
                   "input '{}' has shape {}, but the plan was compiled for {}", name,
                   to_string(tensor.shape), to_string(planned.shape));
    TRY(executor.set_input(index, tensor.data));
  }
  return {};
}

Stage last_stage(const runtime::Plan& plan) {
  Stage last = Stage::setup;
  for (const PlanTensor& output : plan.outputs) last = std::max(last, output.stage);
  return last;
}

namespace {

Result<NamedValues> outputs_of(Executor& executor, const CompiledComponent& compiled) {
  NamedValues outputs;
  for (const auto& [name, index] : compiled.outputs) {
    const PlanTensor& planned = executor.plan().outputs[index];
    ASSIGN_OR_RETURN(const auto bytes, executor.output_bytes(index));
    Tensor tensor(planned.dtype, planned.shape);
    std::ranges::copy(bytes, tensor.data.begin());
    outputs.emplace_back(name, std::move(tensor));
  }
  return outputs;
}

}  // namespace

Status run_stages(Executor& executor, Stage last) {
  for (int stage = static_cast<int>(Stage::picture); stage <= static_cast<int>(last); ++stage)
    TRY(executor.run(static_cast<Stage>(stage)));
  return {};
}

Result<int64_t> predict_peak(Session& session, const ComponentRequest& request) {
  CompiledPlans compiled(session);
  ASSIGN_OR_RETURN(const runtime::Plan* plan, compiled.plan(request));
  const ComponentMemory memory = memory_of(*plan, session.device().thread_count());
  const int64_t packing = session.packs(request.component) ? memory.transient : 0;
  return compiled.resident() + std::max(memory.loaded(), memory.weights + packing);
}

// Outputs of an earlier stage than the last are there once that stage has run.
Result<ComponentRun> run_component(Session& session, const BoundInputs& bound, int64_t repeat,
                                   const std::function<bool()>& keep_going) {
  ASSIGN_OR_RETURN(const CompiledComponent* compiled, session.compiled(bound.request));
  ASSIGN_OR_RETURN(Executor * executor, session.executor(bound.request));
  TRY(set_inputs(*executor, bound));
  const Stage last = last_stage(executor->plan());
  TRY(run_stages(*executor, last));
  ComponentRun result;
  for (int64_t i = 0; i < repeat; ++i) {
    if (keep_going && !keep_going())
      return error(ErrorCode::cancelled, "stopped after {} of {} runs", i, repeat);
    const auto start = std::chrono::steady_clock::now();
    TRY(executor->run(last));
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    result.seconds.push_back(spent.count());
  }
  ASSIGN_OR_RETURN(result.outputs, outputs_of(*executor, *compiled));
  return result;
}

}  // namespace tempera::api
