#include "runtime/profiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/check.h"

namespace tempera::runtime {
namespace {

// All launches of one kernel in one stage.
struct Row {
  const LaunchProfile* example = nullptr;
  int64_t launches = 0;
  int64_t runs = 0;
  double seconds = 0, flops = 0, bytes = 0;  // of all runs
};

std::vector<Row> rows_by_kernel(std::span<const LaunchProfile> launches) {
  std::map<std::tuple<std::string_view, Stage, std::string_view>, Row> by_kernel;
  for (const LaunchProfile& launch : launches) {
    Row& row = by_kernel[{launch.component, launch.stage, launch.symbol}];
    if (row.example == nullptr) row.example = &launch;
    ++row.launches;
    row.runs += launch.runs;
    row.seconds += launch.seconds;
    row.flops += launch.launch.flops * static_cast<double>(launch.runs);
    row.bytes += launch.launch.bytes * static_cast<double>(launch.runs);
  }
  std::vector<Row> rows;
  for (const auto& [key, row] : by_kernel) rows.push_back(row);
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.seconds > b.seconds; });
  return rows;
}

double rate(double amount, double seconds) { return seconds > 0 ? amount / seconds * 1e-9 : 0; }

std::string table_line(const Row& row, double total) {
  const LaunchProfile& launch = *row.example;
  return fmt::format("{:>10.3f} {:>5.1f}% {:>6} {:>8} {:>9.1f} {:>8.1f}  {}/{}  {}  {}\n",
                     row.seconds * 1e3, total > 0 ? row.seconds / total * 100 : 0, row.launches,
                     row.runs, rate(row.flops, row.seconds), rate(row.bytes, row.seconds),
                     launch.component, name(launch.stage), launch.launch.schedule,
                     launch.launch.origin);
}

}  // namespace

int Profiler::add_stage(const Plan& plan, Stage stage) {
  first_.push_back(launches_.size());
  for (const PlanLaunch& launch : plan.launches[static_cast<size_t>(stage)]) {
    launches_.push_back({.component = plan.component,
                         .stage = stage,
                         .symbol = plan.kernels[launch.kernel].symbol,
                         .launch = launch});
    launches_.back().launch.bindings.clear();
  }
  return static_cast<int>(first_.size()) - 1;
}

void Profiler::record(int stage, const LaunchTimes& times) {
  const size_t first = first_.at(stage), count = times.launches.size();
  CHECK(first + count <= launches_.size(), "{} times", count);
  if (count == 0) return;
  const size_t threads = times.workers.size() / count;
  for (size_t i = 0; i < count; ++i) {
    LaunchProfile& launch = launches_[first + i];
    const auto workers = times.workers.begin() + static_cast<ptrdiff_t>(i * threads);
    ++launch.runs;
    launch.seconds += times.launches[i].seconds();
    launch.last = times.launches[i];
    launch.last_workers.assign(workers, workers + static_cast<ptrdiff_t>(threads));
  }
}

std::string profile_table(std::span<const LaunchProfile> launches, size_t rows) {
  double total = 0;
  for (const LaunchProfile& launch : launches) total += launch.seconds;
  std::string table = fmt::format("{:>10} {:>6} {:>6} {:>8} {:>9} {:>8}  {}\n", "ms", "share",
                                  "places", "runs", "GFLOP/s", "GB/s", "stage  schedule  origin");
  const std::vector<Row> lines = rows_by_kernel(launches);
  for (size_t i = 0; i < std::min(rows, lines.size()); ++i) table += table_line(lines[i], total);
  return table + fmt::format("{:>10.3f} total\n", total * 1e3);
}

}  // namespace tempera::runtime
