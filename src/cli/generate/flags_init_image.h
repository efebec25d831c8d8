#pragma once

#include <CLI/CLI.hpp>

#include "api/run/generate.h"

namespace tempera::cli {

// The picture to begin with.
struct InitImageFlags {
  api::InitImageSettings settings;
  void add(CLI::App& app);
  Status apply(api::GenerateSettings& generate) const;

 private:
  void add_mask(CLI::App& app);
};

}  // namespace tempera::cli
