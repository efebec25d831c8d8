#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/plan.h"

namespace tempera::runtime {

// Time spent in one launch of a plan, over all its runs.
struct LaunchProfile {
  std::string component;
  Stage stage;
  std::string symbol, origin, schedule;  // see PlanKernel and PlanLaunch
  int64_t runs = 0;
  double seconds = 0;           // of all runs
  double flops = 0, bytes = 0;  // of one run
};

// Accumulates launch times. An executor without one measures nothing.
class Profiler {
 public:
  // `seconds` holds one time for each launch of the plan's stage.
  void add(const Plan& plan, Stage stage, std::span<const double> seconds);
  // In the order of plans, stages and launches as they were first added.
  std::vector<LaunchProfile> launches() const;

 private:
  struct Entry {
    const Plan* plan;
    Stage stage;
    int64_t runs;
    std::vector<double> seconds;
  };
  std::vector<Entry> entries_;
};

// A table for people: one line for each schedule and shape class, largest total first.
std::string profile_table(std::span<const LaunchProfile> launches, size_t rows = 40);

}  // namespace tempera::runtime
