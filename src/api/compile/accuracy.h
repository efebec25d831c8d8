#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "api/compile/compile.h"
#include "api/run/compare_layers.h"
#include "api/run/samples.h"
#include "base/json.h"
#include "base/status.h"

namespace tempera::api {

// What a setting of the compiler may change. Each layer is compared alone, fed with the f32 values
// of what it reads; pictures are compared as whole runs.
struct AccuracyBounds {
  double layer_error = 0;   // largest relative RMS error of a layer
  double picture_psnr = 0;  // least, in decibels
};
// 1 % and 30 dB; with int8 weights 2 % and 28 dB.
AccuracyBounds bounds_of(const CompileOptions& options);

struct AccuracySettings {
  std::vector<std::string> components;  // whose layers are compared; none: all that there are
  GenerateSettings picture;             // what is said here overrides the samples
  int64_t pictures = -1;                // how many samples to draw; -1: all
};

struct ComponentAccuracy {
  std::string component;
  std::vector<LayerError> layers;  // in the order in which they run
};
struct PictureAccuracy {
  Sample sample;
  double psnr = 0;  // decibels; infinity for equal pictures
};
struct Accuracy {
  PrecisionNames setting;  // as the compiler decided
  AccuracyBounds bounds;
  std::vector<ComponentAccuracy> components;
  std::vector<PictureAccuracy> pictures;
};

// The part that is being compared, "unet" or "pictures", and how far it is. False: cancelled.
using AccuracyProgressFunction =
    std::function<bool(const std::string& part, int64_t done, int64_t total)>;

// Compares `setting` with the same options in f32. The inputs are those of the first sample: its
// prompt for the text encoder; its latents half-way through sampling, at that timestep, with the
// prompt for the UNet; its final latents and its picture for the VAE. The model is a checkpoint: an
// artifact is unsupported.
Result<Accuracy> measure_accuracy(const std::string& model, const CompileOptions& setting,
                                  const AccuracySettings& settings,
                                  const AccuracyProgressFunction& progress = {});

const LayerError& worst_layer(const ComponentAccuracy& component);
double median_error(const ComponentAccuracy& component);
// Of the pictures; infinity where there are none.
double least_psnr(const Accuracy& accuracy);
// resource_exhausted: what is beyond the bounds, the worst first.
Status check_bounds(const Accuracy& accuracy);

// The form is described in docs/cli_json.md.
Json to_json(const Accuracy& accuracy);

}  // namespace tempera::api
