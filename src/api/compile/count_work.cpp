#include <algorithm>
#include <cmath>

#include "api/compile/inspect_request.h"
#include "api/compile/lower_component.h"
#include "graph/work.h"

namespace tempera::api {
namespace {

using graph::GraphWork;
using graph::Rate;

struct WorkRow {
  std::string after;
  GraphWork work;
};

// Passes that change less are bookkeeping.
constexpr double kLeastChange = 1e-5;

// What runs most often: every step, or once a prompt for a text encoder.
Rate highest_rate(const graph::Graph& graph) {
  Rate rate = Rate::picture;
  for (const graph::NamedValue& output : graph.outputs())
    rate = std::max(rate, graph.value(output.value).rate);
  return rate;
}

Result<std::vector<WorkRow>> work_rows(const frontend::Checkpoint& checkpoint,
                                       const ComponentRequest& request) {
  ASSIGN_OR_RETURN(RequestedGraph requested, build_requested(checkpoint, request));
  const Rate rate = highest_rate(requested.own);
  std::vector<WorkRow> rows = {{"build", graph::work_of(requested.own, Rate::picture, Rate::step)},
                               {"split_by_rate", graph::work_of(requested.own, rate, rate)}};
  graph::PassOptions options;
  options.watch = [&](std::string_view pass, const graph::Graph& graph) {
    const GraphWork work = graph::work_of(graph, rate, rate);
    const double before = rows.back().work.total();
    if (std::abs(work.total() - before) > kLeastChange * before)
      rows.push_back({std::string(pass), work});
  };
  TRY(run_graph_passes(requested, options));
  return rows;
}

double gflop(double flops) { return flops / 1e9; }

Json to_json(const WorkRow& row) {
  Json kinds = Json::object();
  for (size_t kind = 0; kind < graph::kWorkKinds; ++kind)
    kinds[graph::name(static_cast<graph::WorkKind>(kind))] = gflop(row.work.flops[kind]);
  return {{"after", row.after}, {"gflop", gflop(row.work.total())}, {"kinds", std::move(kinds)}};
}

Result<Json> component_work(const frontend::Checkpoint& checkpoint, InspectSettings settings) {
  settings.guided = true;
  if (settings.component == "text_encoder") settings.batch_size = 2;  // prompt, negative prompt
  ASSIGN_OR_RETURN(const ComponentRequest request, request_of(checkpoint, settings));
  ASSIGN_OR_RETURN(const std::vector<WorkRow> rows, work_rows(checkpoint, request));
  Json json = {{"component", request.component}, {"height", request.height},
               {"width", request.width},         {"batch_size", request.batch},
               {"repeat", request.repeat},       {"rows", Json::array()}};
  for (const WorkRow& row : rows) json["rows"].push_back(to_json(row));
  const double first = rows.front().work.total();
  json["saved_percent"] = 100 * (first - rows.back().work.total()) / first;
  return json;
}

}  // namespace

Result<Json> count_work(const std::string& model, const InspectSettings& settings,
                        const ModelFiles& files) {
  ASSIGN_OR_RETURN(const frontend::Checkpoint checkpoint, open_checkpoint(model, files));
  std::vector<std::string> components = {settings.component};
  if (settings.component.empty()) components = {"text_encoder", "unet", "vae_decoder"};
  Json json = {{"kind", "work"}, {"components", Json::array()}};
  for (const std::string& component : components) {
    InspectSettings one = settings;
    one.component = component;
    ASSIGN_OR_RETURN(Json rows, component_work(checkpoint, one));
    json["components"].push_back(std::move(rows));
  }
  return json;
}

}  // namespace tempera::api
