#include "api/run/profile.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace tempera::api {
namespace {

using runtime::Executor;
using runtime::LaunchProfile;
using runtime::Profiler;
using runtime::Stage;

Result<double> timed_run(Executor& executor, Stage stage) {
  const auto start = std::chrono::steady_clock::now();
  TRY(executor.run(stage));
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  return spent.count();
}

void note(ProfiledLaunch& launch, const LaunchProfile& measured) {
  launch.seconds = measured.last.seconds();
  launch.last = measured.last;
  launch.workers = measured.last_workers;
}

// Setup launches that found their packed tensors made have no time.
std::vector<ProfiledLaunch> launches_of(const Profiler& profiler) {
  std::vector<ProfiledLaunch> launches;
  for (const LaunchProfile& measured : profiler.launches()) {
    launches.push_back(
        {.stage = measured.stage, .symbol = measured.symbol, .launch = measured.launch});
    note(launches.back(), measured);
  }
  return launches;
}

// A profiler of its own for one run of the stage: its times are that run's.
Result<Profiler> profiled_run(Executor& executor, Profile& profile) {
  Profiler profiler;
  executor.set_profiler(&profiler);
  const Result<double> seconds = timed_run(executor, profile.stage);
  executor.set_profiler(nullptr);
  TRY(seconds);
  profile.seconds.push_back(*seconds);
  return profiler;
}

// samples[run][launch].
void take_medians(Profile& profile, const std::vector<std::vector<double>>& samples) {
  for (size_t i = 0; i < profile.launches.size(); ++i) {
    if (profile.launches[i].stage != profile.stage) continue;
    std::vector<double> times;
    for (const auto& run : samples) times.push_back(run[i]);
    profile.launches[i].seconds = timing_of(std::move(times)).median;
  }
}

constexpr int64_t kLeastRuns = 3;
constexpr double kEnoughSeconds = 1;

bool is_enough(const Profile& profile, int64_t repeat) {
  const auto runs = static_cast<int64_t>(profile.seconds.size());
  if (repeat > 0) return runs >= repeat;
  const double spent = std::accumulate(profile.seconds.begin(), profile.seconds.end(), 0.0);
  return runs >= kLeastRuns && spent >= kEnoughSeconds / 2;
}

Status measure(Executor& executor, Profile& profile, int64_t repeat,
               const std::function<bool()>& keep_going) {
  std::vector<std::vector<double>> samples;
  while (!is_enough(profile, repeat)) {
    if (keep_going && !keep_going())
      return error(ErrorCode::cancelled, "stopped after {} runs", samples.size());
    ASSIGN_OR_RETURN(profile.bare_seconds.emplace_back(), timed_run(executor, profile.stage));
    ASSIGN_OR_RETURN(const Profiler profiler, profiled_run(executor, profile));
    std::vector<double>& times = samples.emplace_back();
    for (size_t i = 0; i < profile.launches.size(); ++i) {
      const LaunchProfile& measured = profiler.launches()[i];
      times.push_back(measured.last.seconds());
      if (measured.stage == profile.stage) note(profile.launches[i], measured);
    }
  }
  take_medians(profile, samples);
  return {};
}

}  // namespace

double Profile::overhead() const {
  if (seconds.empty()) return 0;
  return std::ranges::min(seconds) / std::ranges::min(bare_seconds) - 1;
}

Result<Profile> profile_component(Session& session, const BoundInputs& bound, const Peaks& peaks,
                                  int64_t repeat, const std::function<bool()>& keep_going) {
  Profiler first;
  session.set_profiler(&first);
  const Result<Executor*> made = session.executor(bound.request);
  session.set_profiler(nullptr);
  TRY(made);
  Executor& executor = **made;
  TRY(set_inputs(executor, bound));
  Profile profile{.model = session.info().name,
                  .request = bound.request,
                  .stage = last_stage(executor.plan()),
                  .threads = session.device().thread_count(),
                  .peaks = peaks};
  const Status ran = run_stages(executor, profile.stage);
  executor.set_profiler(nullptr);
  TRY(ran);
  profile.launches = launches_of(first);
  TRY(measure(executor, profile, repeat, keep_going));
  return profile;
}

}  // namespace tempera::api
