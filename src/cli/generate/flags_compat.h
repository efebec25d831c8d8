#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "api/run/generate.h"
#include "base/status.h"

namespace tempera::cli {

// Whose samplers run, and what only AUTOMATIC1111's know.
struct CompatFlags {
  std::optional<std::string> compat;
  diffusion::KOptions k;
  void add(CLI::App& app);
  // `invalid_argument` for a program that is not known, and for settings of AUTOMATIC1111's
  // samplers where others run.
  Status apply(api::GenerateSettings& settings) const;
};

}  // namespace tempera::cli
