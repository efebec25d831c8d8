#pragma once

#include <memory>
#include <string>

#include "base/target.h"
#include "lower/lower.h"
#include "runtime/executor.h"

namespace tempera::bench {

// A graph compiled for this machine and ready to run, with random inputs and weights.
class Runner {
 public:
  static Result<std::unique_ptr<Runner>> create(const graph::Graph& graph, const Target& target,
                                                const lower::Choose& choose, int threads);
  // Shortest of `runs` runs of the step stage, in seconds; one thread's are processor time, so that
  // other programs do not count.
  Result<double> fastest(int runs);
  const runtime::Plan& plan() const { return executor_->plan(); }

 private:
  std::unique_ptr<runtime::Device> device_;
  std::string code_;
  std::unique_ptr<runtime::Module> module_;
  runtime::WeightStore store_;
  std::unique_ptr<runtime::Executor> executor_;
};

}  // namespace tempera::bench
