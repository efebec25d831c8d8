#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "api/run/generate.h"
#include "base/status.h"

namespace tempera::cli {

// How a sampler runs, beside its name, schedule and steps.
struct SamplerFlags {
  std::optional<std::string> prediction;
  std::optional<double> eta;
  bool rescale_betas_zero_snr = false;
  double guidance_rescale = 0.0;

  void add(CLI::App& app);
  Status apply(api::GenerateSettings& settings) const;
};

}  // namespace tempera::cli
