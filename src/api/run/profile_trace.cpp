#include "api/run/profile_trace.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tempera::api {
namespace {

using runtime::Interval;

Json name_event(const char* what, size_t process, size_t thread, const std::string& name) {
  return {
      {"name", what}, {"ph", "M"}, {"pid", process}, {"tid", thread}, {"args", {{"name", name}}}};
}

// Whole nanoseconds, so that neighbours do not overlap by rounding.
double microseconds(double seconds) { return std::round(seconds * 1e9) / 1e3; }

Json event(const ProfiledLaunch& launch, const Interval& when, double start) {
  return {{"name", launch.launch.workload},
          {"cat", launch.launch.kind},
          {"ph", "X"},
          {"ts", microseconds(when.begin - start)},
          {"dur", microseconds(when.end - start) - microseconds(when.begin - start)}};
}

Json arguments(const ProfiledLaunch& launch) {
  const runtime::PlanLaunch& planned = launch.launch;
  const double seconds = launch.last.seconds();
  return {{"stage", name(launch.stage)},
          {"kernel", launch.symbol},
          {"schedule", planned.schedule},
          {"origin", planned.origin},
          {"flops", planned.flops},
          {"bytes", planned.bytes},
          {"gflops", seconds > 0 ? planned.executed_flops / seconds * 1e-9 : 0}};
}

double first_begin(const Profile& profile) {
  double first = std::numeric_limits<double>::max();
  for (const ProfiledLaunch& launch : profile.launches)
    if (launch.last.end > 0) first = std::min(first, launch.last.begin);
  return first;
}

void add_events(Json& events, const Profile& profile, size_t process) {
  events.push_back(name_event("process_name", process, 0, profile.request.component));
  events.push_back(name_event("thread_name", process, 1, "launches"));
  for (int worker = 0; worker < profile.threads; ++worker)
    events.push_back(name_event("thread_name", process, static_cast<size_t>(worker) + 2,
                                fmt::format("thread {}", worker)));
  const double start = first_begin(profile);
  const auto add = [&](const ProfiledLaunch& launch, const Interval& when, size_t thread) {
    Json one = event(launch, when, start);
    one["pid"] = process;
    one["tid"] = thread;
    if (thread == 1) one["args"] = arguments(launch);
    events.push_back(std::move(one));
  };
  for (const ProfiledLaunch& launch : profile.launches) {
    if (launch.last.end == 0) continue;
    add(launch, launch.last, 1);
    for (size_t w = 0; w < launch.workers.size(); ++w)
      if (launch.workers[w].end > 0) add(launch, launch.workers[w], w + 2);
  }
}

}  // namespace

Json trace_json(std::span<const Profile> profiles) {
  Json events = Json::array();
  for (size_t i = 0; i < profiles.size(); ++i) add_events(events, profiles[i], i + 1);
  return {{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}};
}

}  // namespace tempera::api
