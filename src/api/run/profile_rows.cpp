#include <algorithm>
#include <map>

#include "api/run/profile.h"

namespace tempera::api {
namespace {

using runtime::Stage;

double least_seconds(const runtime::PlanLaunch& launch, const Peaks& peaks) {
  const double rate = peaks.gflops(launch.arithmetic);
  const double computing = rate > 0 ? launch.executed_flops / rate * 1e-9 : 0;
  const double moving = peaks.bytes > 0 ? launch.bytes / peaks.bytes * 1e-9 : 0;
  return std::max(computing, moving);
}

void add(ProfileRow& row, const ProfiledLaunch& launch, const Peaks& peaks) {
  if (row.example == nullptr) row.example = &launch;
  ++row.launches;
  row.seconds += launch.seconds;
  row.flops += launch.launch.flops;
  row.executed_flops += launch.launch.executed_flops;
  row.bytes += launch.launch.bytes;
  row.least_seconds += least_seconds(launch.launch, peaks);
}

template <typename Key>
std::vector<ProfileRow> rows_by(const Profile& profile, Stage stage, const Key& key) {
  std::map<std::string, ProfileRow> by_name;
  double total = 0;
  for (const ProfiledLaunch& launch : profile.launches) {
    if (launch.stage != stage) continue;
    const std::string name = key(launch);
    ProfileRow& row = by_name[name];
    row.name = name;
    add(row, launch, profile.peaks);
    total += launch.seconds;
  }
  std::vector<ProfileRow> rows;
  for (auto& [name, row] : by_name) {
    row.share = total > 0 ? row.seconds / total : 0;
    rows.push_back(std::move(row));
  }
  std::ranges::stable_sort(rows, std::greater(), &ProfileRow::seconds);
  return rows;
}

// The first of the paths, cut to its first `depth` names.
std::string module_of(const std::string& origin, int depth) {
  const std::string path = origin.substr(0, origin.find(','));
  size_t end = 0;
  for (int i = 0; i < depth && end < path.size(); ++i)
    end = std::min(path.find('.', end == 0 ? 0 : end + 1), path.size());
  return path.empty() ? "-" : path.substr(0, end);
}

}  // namespace

std::vector<ProfileRow> rows_by_kernel(const Profile& profile, Stage stage) {
  return rows_by(profile, stage, [](const ProfiledLaunch& launch) { return launch.symbol; });
}

std::vector<ProfileRow> rows_by_kind(const Profile& profile, Stage stage) {
  return rows_by(profile, stage, [](const ProfiledLaunch& launch) { return launch.launch.kind; });
}

std::vector<ProfileRow> rows_by_module(const Profile& profile, Stage stage, int depth) {
  return rows_by(profile, stage, [&](const ProfiledLaunch& launch) {
    return module_of(launch.launch.origin, depth);
  });
}

ProfileRow total_of(const Profile& profile, Stage stage) {
  const auto rows = rows_by(profile, stage, [](const ProfiledLaunch&) { return "total"; });
  return rows.empty() ? ProfileRow{} : rows.front();
}

}  // namespace tempera::api
