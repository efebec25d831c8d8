#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "api/run/generate.h"
#include "base/status.h"

namespace tempera::cli {

// How prompts are read.
struct PromptFlags {
  std::string language = "plain";
  void add(CLI::App& app);
  Status apply(api::GenerateSettings& settings) const;
};

}  // namespace tempera::cli
