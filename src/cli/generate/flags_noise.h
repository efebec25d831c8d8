#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "api/run/generate.h"
#include "base/status.h"

namespace tempera::cli {

// Where a picture's noise comes from.
struct NoiseFlags {
  std::optional<std::string> rng, seed_mode;
  std::optional<int64_t> seed_delta;
  std::optional<uint64_t> variation_seed;
  std::optional<double> variation_strength;
  void add(CLI::App& app);
  // Sets what was given. `invalid_argument` for a name that is not known, or a variation without
  // its seed or strength.
  Status apply(api::GenerateSettings& settings) const;
};

}  // namespace tempera::cli
