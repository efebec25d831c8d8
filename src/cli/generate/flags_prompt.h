#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "api/run/generate.h"
#include "base/status.h"

namespace tempera::cli {

// How prompts are read.
struct PromptFlags {
  std::string language = "a1111";
  int64_t clip_skip = 1;
  std::string wildcard_dir;
  std::string file;  // of prompts, one a line
  void add(CLI::App& app);
  void add_file(CLI::App& app);
  Status apply(api::GenerateSettings& settings) const;
};

}  // namespace tempera::cli
