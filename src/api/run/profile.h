#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/run/peaks.h"
#include "api/run/run_component.h"
#include "api/run/session.h"
#include "base/status.h"

namespace tempera::api {

// One launch, with its time.
struct ProfiledLaunch {
  runtime::Stage stage;
  std::string symbol;          // of its kernel
  runtime::PlanLaunch launch;  // without its bindings
  double seconds = 0;          // the median of the timed runs; of earlier stages than the last, one
  runtime::Interval last;      // of the last run of its stage
  std::vector<runtime::Interval> workers;  // each thread's part of it; 0 and 0: none
};

struct Profile {
  std::string model;
  ComponentRequest request;
  runtime::Stage stage;  // what was run again and again: the last
  int threads = 1;
  Peaks peaks;                           // on as many threads
  std::vector<ProfiledLaunch> launches;  // of all stages, in order
  std::vector<double> seconds;           // of the stage's runs while they were profiled
  std::vector<double> bare_seconds;      // of those that were not, in turns with the others
  // How much longer a profiled run takes: 0.01 is 1 %. The shortest run of each kind counts.
  double overhead() const;
};

// Runs every stage once, then the last `repeat` times with each launch timed and as often without;
// 0: at least 3 times, and as often as fit into a second.
// The session must not have made this component's executor before, or packing is not timed.
// `keep_going` false between runs: cancelled.
Result<Profile> profile_component(Session& session, const BoundInputs& bound, const Peaks& peaks,
                                  int64_t repeat, const std::function<bool()>& keep_going = {});

// Launches taken together.
struct ProfileRow {
  std::string name;                         // a kernel's symbol, a kind or a module path
  const ProfiledLaunch* example = nullptr;  // the first
  int64_t launches = 0;
  double seconds = 0, flops = 0, executed_flops = 0, bytes = 0;  // of all of them
  double least_seconds = 0;  // that the peaks allow: each launch's operations or bytes, whichever
                             // takes longer
  double share = 0;          // of all launches' time
  double gflops() const { return rate(executed_flops); }
  double effective_gflops() const { return rate(flops); }  // of the original operation
  double gbytes() const { return rate(bytes); }
  double roofline() const { return seconds > 0 ? least_seconds / seconds : 0; }

 private:
  double rate(double amount) const { return seconds > 0 ? amount / seconds * 1e-9 : 0; }
};

// Of one stage's launches; the longest first.
std::vector<ProfileRow> rows_by_kernel(const Profile& profile, runtime::Stage stage);
std::vector<ProfileRow> rows_by_kind(const Profile& profile, runtime::Stage stage);
// `depth`: how many names of the module path of a launch's anchor count: "down_blocks.0" is 2.
std::vector<ProfileRow> rows_by_module(const Profile& profile, runtime::Stage stage, int depth);
ProfileRow total_of(const Profile& profile, runtime::Stage stage);

// As docs/cli_json.md describes it.
Json to_json(const Profile& profile, int depth);

}  // namespace tempera::api
