#include "api/run/profile.h"

namespace tempera::api {
namespace {

using runtime::Stage;

Json rates_json(const ProfileRow& row) {
  return {{"seconds", row.seconds},
          {"share", row.share},
          {"launches", row.launches},
          {"flops", row.flops},
          {"executed_flops", row.executed_flops},
          {"bytes", row.bytes},
          {"gflops", row.gflops()},
          {"effective_gflops", row.effective_gflops()},
          {"gbytes", row.gbytes()},
          {"roofline", row.roofline()}};
}

Json kernels_json(const Profile& profile) {
  Json rows = Json::array();
  for (const ProfileRow& row : rows_by_kernel(profile, profile.stage)) {
    const runtime::PlanLaunch& launch = row.example->launch;
    Json json = {{"name", row.name},
                 {"kind", launch.kind},
                 {"workload", launch.workload},
                 {"schedule", launch.schedule},
                 {"arithmetic", name(launch.arithmetic)},
                 {"origin", launch.origin}};
    json.update(rates_json(row));
    rows.push_back(std::move(json));
  }
  return rows;
}

Json named_json(const std::vector<ProfileRow>& rows) {
  Json json = Json::array();
  for (const ProfileRow& row : rows) {
    json.push_back({{"name", row.name}});
    json.back().update(rates_json(row));
  }
  return json;
}

Json timing_json(const std::vector<double>& seconds) {
  const Timing t = timing_of(seconds);
  return {{"runs", seconds.size()}, {"median", t.median}, {"min", t.min}, {"max", t.max}};
}

Json stages_json(const Profile& profile) {
  Json json = Json::object();
  for (int s = 0; s < runtime::kStageCount; ++s) {
    const auto stage = static_cast<Stage>(s);
    const ProfileRow total = total_of(profile, stage);
    if (total.launches > 0) json[name(stage)] = rates_json(total);
  }
  return json;
}

}  // namespace

Json to_json(const Profile& profile, int depth) {
  const ComponentRequest& request = profile.request;
  const Peaks& peaks = profile.peaks;
  return {{"component", request.component},
          {"batch_size", request.batch},
          {"height", request.height},
          {"width", request.width},
          {"tokens", request.tokens},
          {"threads", profile.threads},
          {"stage", name(profile.stage)},
          {"seconds",
           {{"profiled", timing_json(profile.seconds)},
            {"bare", timing_json(profile.bare_seconds)},
            {"overhead", profile.overhead()}}},
          {"peaks",
           {{"f32_fma", peaks.f32_fma},
            {"bf16_dot", peaks.bf16_dot},
            {"bf16_matrix", peaks.bf16_matrix},
            {"f16_fma", peaks.f16_fma},
            {"i8_dot", peaks.i8_dot},
            {"bytes", peaks.bytes}}},
          {"stages", stages_json(profile)},
          {"kinds", named_json(rows_by_kind(profile, profile.stage))},
          {"modules", named_json(rows_by_module(profile, profile.stage, depth))},
          {"kernels", kernels_json(profile)}};
}

}  // namespace tempera::api
