#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "api/run/generate.h"

namespace tempera::cli {

// A second pass over the enlarged picture.
struct HiresFlags {
  double scale = 1, strength = 0.7;
  int64_t steps = 0;
  std::string upscaler = "latent";
  void add(CLI::App& app);
  Status apply(api::GenerateSettings& settings) const;
};

}  // namespace tempera::cli
