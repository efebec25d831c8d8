#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "api/compile/compile.h"
#include "api/run/samples.h"
#include "base/json.h"
#include "base/status.h"

namespace tempera::api {

// What settings do to a model's pictures and to their time, for people to choose by.
struct QualitySetting {
  std::string text;  // flags of `tempera generate` without dashes: "precision=bf16 steps=10"
  CompileOptions compile;
  GenerateSettings picture;
};

struct QualityPicture {
  diffusion::Image image;
  double psnr = 0, ssim = 0;  // to the reference's picture: diffusion/image/compare_images.h
};
struct QualityRow {
  std::string setting;
  std::vector<QualityPicture> pictures;            // of the samples, in order
  double denoise_seconds = 0, decode_seconds = 0;  // medians of the pictures
};
struct Quality {
  std::string model;
  std::vector<Sample> samples;
  std::vector<QualityRow> rows;  // the first is the reference
};

// The setting that is being drawn, and how many of its pictures are there. False: cancelled.
using QualityProgressFunction =
    std::function<bool(const std::string& setting, int64_t done, int64_t total)>;

// Draws the first `pictures` samples (-1: all) with each setting, one model in memory at a time;
// the first setting is the reference. invalid_argument: a setting whose pictures have another size.
Result<Quality> measure_quality(const std::string& model,
                                const std::vector<QualitySetting>& settings, int64_t pictures = -1,
                                const QualityProgressFunction& progress = {});

// Over a row's pictures.
struct QualitySummary {
  double mean_psnr = 0, least_psnr = 0;  // infinity: all equal, or of the mean: one is
  double mean_ssim = 0, least_ssim = 0;
};
QualitySummary summary_of(const QualityRow& row);

// One HTML page that needs no other file: a table, plots, and the pictures side by side.
Result<std::string> quality_page(const Quality& quality);
// The form is described in docs/cli_json.md.
Json to_json(const Quality& quality);

}  // namespace tempera::api
