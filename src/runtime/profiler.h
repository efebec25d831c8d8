#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/device.h"
#include "runtime/plan.h"

namespace tempera::runtime {

// Time spent in one launch of a plan, over all its runs.
struct LaunchProfile {
  std::string component;
  Stage stage;
  std::string symbol;  // PlanKernel's
  PlanLaunch launch;   // without its bindings
  int64_t runs = 0;
  double seconds = 0;                  // of all runs
  Interval last;                       // the last run
  std::vector<Interval> last_workers;  // each thread's part of it, as in LaunchTimes
};

// Accumulates launch times. An executor without one measures nothing.
class Profiler {
 public:
  // Rows for the launches of a plan's stage; returns what record() names them by.
  int add_stage(const Plan& plan, Stage stage);
  // Adds one run of the stage.
  void record(int stage, const LaunchTimes& times);
  // In the order of stages added, and of their launches.
  std::span<const LaunchProfile> launches() const { return launches_; }

 private:
  std::vector<LaunchProfile> launches_;
  std::vector<size_t> first_;  // of each stage, in launches_
};

// A table for people: a line for each kernel of each stage, the largest total first.
std::string profile_table(std::span<const LaunchProfile> launches, size_t rows = 40);

}  // namespace tempera::runtime
