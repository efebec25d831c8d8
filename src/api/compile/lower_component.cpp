#include "api/compile/lower_component.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "diffusion/prompt/embedding.h"
#include "frontend/models/component.h"
#include "graph/cut.h"
#include "graph/passes/rewrite.h"

namespace tempera::api {
namespace {

using graph::Graph;
using graph::NamedValue;
using graph::ValueId;

frontend::ComponentOptions component_options(const ComponentRequest& request) {
  const diffusion::TokenMerging& merging = request.token_merging;
  constexpr frontend::UnetPart kParts[] = {
      frontend::UnetPart::all, frontend::UnetPart::all_with_deep, frontend::UnetPart::shallow};
  constexpr frontend::VaePart kVaeParts[] = {frontend::VaePart::all, frontend::VaePart::global,
                                             frontend::VaePart::local};
  return {.unet = {.token_merging = {.ratio = merging.ratio,
                                     .max_downsample = merging.max_downsample,
                                     .cross_attention = merging.cross_attention,
                                     .mlp = merging.mlp},
                   .part = kParts[static_cast<size_t>(request.part)]},
          .vae = kVaeParts[static_cast<size_t>(request.vae_part)]};
}

Result<std::vector<NamedValue>> kept_layers(const std::vector<NamedValue>& marks,
                                            const ComponentRequest& request) {
  std::vector<NamedValue> kept;
  for (const std::string& pattern : request.keep) {
    bool found = false;
    for (const NamedValue& mark : marks) {
      if (!glob_matches(pattern, mark.name)) continue;
      found = true;
      if (std::ranges::find(kept, mark.name, &NamedValue::name) == kept.end()) kept.push_back(mark);
    }
    if (!found)
      return error(ErrorCode::not_found,
                   "no layer of {} fits {}; layers are named by module path, as in {}",
                   request.component, quote(pattern), marks.empty() ? "-" : marks.front().name);
  }
  return kept;
}

// Each value once: layers that only hand on their input share its name's place.
void add_kept(RequestedGraph& requested, const std::vector<NamedValue>& layers) {
  std::map<ValueId, int> index_of;
  for (const NamedValue& output : requested.own.outputs()) {
    const int index = static_cast<int>(requested.outputs.size());
    index_of.emplace(output.value, index);
    requested.outputs.emplace_back(output.name, index);
  }
  for (const NamedValue& layer : layers) {
    const auto [at, is_new] = index_of.emplace(layer.value, static_cast<int>(index_of.size()));
    if (is_new) requested.kept.push_back(layer);
    requested.outputs.emplace_back(layer.name, at->second);
  }
}

}  // namespace

namespace {

Result<frontend::BuiltComponent> build(const frontend::Checkpoint& checkpoint,
                                       const ComponentRequest& request) {
  const auto component = frontend::component_from_name(request.component);
  if (!component)
    return error(ErrorCode::not_found,
                 "no component {}; there are text_encoder, unet, vae_decoder, vae_encoder",
                 quote(request.component));
  return frontend::build_component(checkpoint, *component,
                                   {.batch = request.batch,
                                    .height = request.height,
                                    .width = request.width,
                                    .tokens = request.tokens,
                                    .added_tokens = diffusion::kAddedTokens,
                                    .repeat = request.repeat,
                                    .circular = request.tiling,
                                    .clip_skip = request.clip_skip},
                                   component_options(request));
}

// The marks that layers_of() names.
std::vector<NamedValue> distinct_layers(const frontend::ComponentGraph& component) {
  std::vector<NamedValue> layers;
  for (const NamedValue& mark : component.marks) {
    const graph::Value& value = component.graph.value(mark.value);
    if (value.rate > graph::Rate::load && value.dtype == DType::f32) layers.push_back(mark);
  }
  std::ranges::stable_sort(layers, {}, &NamedValue::value);
  const auto repeated = std::ranges::unique(layers, {}, &NamedValue::value);
  layers.erase(repeated.begin(), repeated.end());
  return layers;
}

Result<RequestedGraph> cut_layer(const frontend::ComponentGraph& component,
                                 const ComponentRequest& request) {
  const std::vector<NamedValue> layers = distinct_layers(component);
  const auto layer = std::ranges::find(layers, request.layer, &NamedValue::name);
  if (layer == layers.end())
    return error(ErrorCode::not_found, "{} has no layer {}", request.component,
                 quote(request.layer));
  return RequestedGraph{.own = graph::cut(component.graph, *layer, layers),
                        .outputs = {{layer->name, 0}}};
}

// Those inputs that are no weights.
std::vector<std::string> read_by(const Graph& layer) {
  std::vector<std::string> names;
  for (const ValueId input : layer.inputs())
    if (layer.value(input).rate > graph::Rate::load) names.push_back(layer.value(input).name);
  return names;
}

}  // namespace

Result<RequestedGraph> build_requested(const frontend::Checkpoint& checkpoint,
                                       const ComponentRequest& request) {
  ASSIGN_OR_RETURN(const frontend::BuiltComponent built, build(checkpoint, request));
  if (!request.layer.empty()) return cut_layer(built.graph, request);
  ASSIGN_OR_RETURN(const std::vector<NamedValue> layers, kept_layers(built.graph.marks, request));
  RequestedGraph requested{.own = built.graph.graph, .kept = {}, .outputs = {}};
  add_kept(requested, layers);
  return requested;
}

void store_outputs(RequestedGraph& layer, const graph::Precision& precision) {
  if (precision.storage == DType::f32) return;
  graph::Rewriter rewriter(layer.own);
  for (const graph::Node& node : layer.own.nodes()) rewriter.copy(node);
  for (const NamedValue& output : layer.own.outputs()) {
    if (!graph::is_large(layer.own.value(output.value))) continue;
    const ValueId now = rewriter.now(output.value);
    const ValueId stored = rewriter.to.add(graph::Op::cast, {now}, {{"to", precision.storage}})[0];
    rewriter.replace(output.value,
                     rewriter.to.add(graph::Op::cast, {stored}, {{"to", DType::f32}})[0]);
  }
  layer.own = rewriter.finish();
}

Result<std::vector<Layer>> layers_of(const frontend::Checkpoint& checkpoint,
                                     const ComponentRequest& request) {
  ASSIGN_OR_RETURN(const frontend::BuiltComponent built, build(checkpoint, request));
  const std::vector<NamedValue> marks = distinct_layers(built.graph);
  std::vector<Layer> layers;
  for (const NamedValue& mark : marks)
    layers.push_back({mark.name, read_by(graph::cut(built.graph.graph, mark, marks))});
  return layers;
}

Graph whole_graph(const RequestedGraph& requested) {
  Graph graph = requested.own;
  for (const NamedValue& layer : requested.kept) graph.add_output(layer.name, layer.value);
  return graph;
}

namespace {

// For each output the first that is the same value.
std::vector<int> representatives(const Graph& graph) {
  std::map<ValueId, int> first;
  std::vector<int> result;
  for (const NamedValue& output : graph.outputs()) {
    const auto at = first.emplace(output.value, static_cast<int>(result.size())).first;
    result.push_back(at->second);
  }
  return result;
}

// Keeps only those outputs that stand for themselves.
void merge(RequestedGraph& requested, const std::vector<int>& representative) {
  const auto own = static_cast<int>(requested.own.outputs().size());
  std::vector<NamedValue> kept;
  std::vector<int> place(representative.size());
  for (int i = 0; i < static_cast<int>(place.size()); ++i) {
    const bool stays = representative[i] == i || i < own;
    place[i] = stays ? own + static_cast<int>(kept.size()) : place[representative[i]];
    if (i < own) place[i] = i;
    if (stays && i >= own) kept.push_back(requested.kept[i - own]);
  }
  requested.kept = std::move(kept);
  for (auto& [name, index] : requested.outputs) index = place[index];
}

}  // namespace

Result<graph::Fused> run_graph_passes(RequestedGraph& requested,
                                      const graph::PassOptions& options) {
  const graph::FuseRules rules = lower::fuse_rules();
  ASSIGN_OR_RETURN(graph::Fused fused, graph::run_passes(whole_graph(requested), rules, options));
  const size_t outputs = fused.graph.outputs().size();
  merge(requested, representatives(fused.graph));
  if (requested.own.outputs().size() + requested.kept.size() == outputs) return fused;
  return graph::run_passes(whole_graph(requested), rules, options);
}

Result<lower::Lowered> lower_component(const graph::Fused& fused, const std::string& component,
                                       const Target& target, int64_t growth_bytes) {
  return lower::lower(fused, target, {.component = component, .growth_bytes = growth_bytes});
}

}  // namespace tempera::api
