#include "api/run/compare_layers.h"

#include <cmath>
#include <map>

namespace tempera::api {
namespace {

// The reference's values that layers to come read.
class LiveValues {
 public:
  LiveValues(const NamedValues& inputs, std::span<const Layer> layers) {
    for (const Layer& layer : layers)
      for (const std::string& name : layer.reads) ++readers_[name];
    for (const auto& [name, tensor] : inputs) add(name, tensor);
  }
  void add(const std::string& name, Tensor tensor) {
    if (readers_.contains(name)) values_.insert_or_assign(name, std::move(tensor));
  }
  NamedValues inputs_of(const Layer& layer) const {
    NamedValues inputs;
    for (const std::string& name : layer.reads) {
      CHECK(values_.contains(name), "layer {} reads {} before it is there", layer.name, name);
      inputs.emplace_back(name, values_.at(name));
    }
    return inputs;
  }
  void read(const Layer& layer) {
    for (const std::string& name : layer.reads)
      if (--readers_.at(name) == 0) values_.erase(name);
  }

 private:
  std::map<std::string, int> readers_;
  std::map<std::string, Tensor> values_;
};

double rms(const Tensor& x) {
  double sum = 0;
  for (const float value : x.as<float>()) sum += static_cast<double>(value) * value;
  return std::sqrt(sum / static_cast<double>(x.size()));
}

Result<Tensor> run_layer(Session& session, const BoundInputs& bound) {
  auto run = run_component(session, bound);
  session.release(bound.request.component);
  if (!run.ok()) return run.error();
  CHECK(run->outputs.size() == 1, "a layer of {} outputs", run->outputs.size());
  return std::move(run->outputs[0].second);
}

}  // namespace

double relative_rms_error(const Tensor& x, const Tensor& reference) {
  CHECK(x.dtype == DType::f32 && reference.dtype == DType::f32 && x.shape == reference.shape,
        "values of {} and {}", to_string(x.shape), to_string(reference.shape));
  const auto got = x.as<float>(), want = reference.as<float>();
  double difference = 0, size = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double gap = static_cast<double>(got[i]) - want[i];
    difference += gap * gap;
    size += static_cast<double>(want[i]) * want[i];
  }
  return difference == 0 ? 0 : std::sqrt(difference / size);
}

Result<std::vector<LayerError>> compare_layers(Session& reference, Session& setting,
                                               const BoundInputs& bound,
                                               std::span<const Layer> layers,
                                               const VisitLayer& visit) {
  LiveValues live(bound.inputs, layers);
  std::vector<LayerError> errors;
  for (const Layer& layer : layers) {
    BoundInputs alone{.request = bound.request, .inputs = live.inputs_of(layer)};
    alone.request.layer = layer.name;
    ASSIGN_OR_RETURN(Tensor want, run_layer(reference, alone));
    ASSIGN_OR_RETURN(const Tensor got, run_layer(setting, alone));
    errors.push_back(
        {.layer = layer.name, .error = relative_rms_error(got, want), .rms = rms(want)});
    live.read(layer);
    live.add(layer.name, std::move(want));
    if (visit && !visit(errors.back()))
      return error(ErrorCode::cancelled, "stopped after {} of {} layers", errors.size(),
                   layers.size());
  }
  return errors;
}

}  // namespace tempera::api
