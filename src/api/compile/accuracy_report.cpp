#include <algorithm>
#include <cmath>

#include "api/compile/accuracy.h"
#include "api/run/run_component.h"

namespace tempera::api {
namespace {

// Not-a-number is worse than anything.
bool is_beyond(double error, double bound) { return !(error <= bound); }

Json layer_json(const LayerError& layer) {
  return {{"layer", layer.layer}, {"error", number_or_null(layer.error)}, {"rms", layer.rms}};
}

Json component_json(const ComponentAccuracy& component) {
  Json layers = Json::array();
  for (const LayerError& layer : component.layers) layers.push_back(layer_json(layer));
  return {{"component", component.component},
          {"worst", layer_json(worst_layer(component))},
          {"median", number_or_null(median_error(component))},
          {"layers", std::move(layers)}};
}

}  // namespace

const LayerError& worst_layer(const ComponentAccuracy& component) {
  CHECK(!component.layers.empty(), "{} has no layers", component.component);
  const auto key = [](const LayerError& layer) {
    return std::isnan(layer.error) ? INFINITY : layer.error;
  };
  return *std::ranges::max_element(component.layers, {}, key);
}

double median_error(const ComponentAccuracy& component) {
  std::vector<double> errors;
  for (const LayerError& layer : component.layers)
    errors.push_back(std::isnan(layer.error) ? INFINITY : layer.error);
  return median(std::move(errors));
}

double least_psnr(const Accuracy& accuracy) {
  double least = INFINITY;
  for (const PictureAccuracy& picture : accuracy.pictures) least = std::min(least, picture.psnr);
  return least;
}

Status check_bounds(const Accuracy& accuracy) {
  std::string faults;
  for (const ComponentAccuracy& component : accuracy.components) {
    const LayerError& worst = worst_layer(component);
    if (is_beyond(worst.error, accuracy.bounds.layer_error))
      faults += fmt::format("{}layer {} of {} is off by {:.3g} %, more than {:g} %",
                            faults.empty() ? "" : "; ", worst.layer, component.component,
                            100 * worst.error, 100 * accuracy.bounds.layer_error);
  }
  if (least_psnr(accuracy) < accuracy.bounds.picture_psnr)
    faults +=
        fmt::format("{}a picture is at {:.1f} dB, less than {:g} dB", faults.empty() ? "" : "; ",
                    least_psnr(accuracy), accuracy.bounds.picture_psnr);
  if (faults.empty()) return {};
  return error(ErrorCode::resource_exhausted, "{}", faults);
}

Json to_json(const Accuracy& accuracy) {
  Json components = Json::array(), pictures = Json::array();
  for (const ComponentAccuracy& component : accuracy.components)
    components.push_back(component_json(component));
  for (const PictureAccuracy& picture : accuracy.pictures)
    pictures.push_back({{"prompt", picture.sample.prompt},
                        {"seed", picture.sample.seed},
                        {"psnr", number_or_null(picture.psnr)}});
  return {{"setting",
           {{"precision", accuracy.setting.precision}, {"weights", accuracy.setting.weights}}},
          {"bounds",
           {{"layer_error", accuracy.bounds.layer_error},
            {"picture_psnr", accuracy.bounds.picture_psnr}}},
          {"within_bounds", check_bounds(accuracy).ok()},
          {"components", std::move(components)},
          {"pictures", std::move(pictures)}};
}

}  // namespace tempera::api
